/** What keeps a lease alive, and what ends it: the lease itself, and the token that it hangs on. */
import { DsoError } from "../../model/errors.ts";
import type { Secret } from "../../model/secret.ts";
import { field, numberField, type VaultAnswer, type VaultApi, type VaultCall } from "./api.ts";
import type { VaultSession } from "./session.ts";

/** Whoever may speak for a lease. */
export interface Holder {
  readonly provider: string;
  readonly api: VaultApi;
  readonly session: VaultSession;
  /** What the lease hangs on, logged in for it alone; undefined: the session's own token. */
  readonly token: Secret | undefined;
}

/** `ms` that it lives on for; `dead`: the server has none such; `fixed`: it may not be renewed. */
export type Renewed =
  | { readonly kind: "renewed"; readonly ms: number }
  | { readonly kind: "dead" }
  | { readonly kind: "fixed"; readonly fault: DsoError | undefined };

/** Rejects with `provider-unreachable`, `provider-throttled`, `provider-auth`: then nothing is known. */
export async function renewLease(
  holder: Holder,
  leaseId: string,
  ms: number,
  signal: AbortSignal,
): Promise<Renewed> {
  const tokenMs = await tokenLeft(holder, signal);
  if (tokenMs === undefined) return { kind: "dead" };
  const body = { lease_id: leaseId, increment: Math.ceil(ms / 1000) };
  const answer = await ask(holder, { method: "POST", path: "sys/leases/renew", body }, signal);
  const said = answer.errors.join("; ");
  const seconds = numberField(answer.body, "lease_duration");
  if (answer.status === 200 && seconds !== undefined) {
    return { kind: "renewed", ms: Math.min(seconds * 1000, tokenMs) };
  }
  if (/lease not found|invalid lease|lease expired/i.test(said)) return { kind: "dead" };
  if (answer.status === 403) return { kind: "fixed", fault: mayNot(holder, "renew") };
  if (/not renewable/i.test(said)) return { kind: "fixed", fault: undefined };
  // The database behind it may be away for now.
  throw trouble(holder.provider, "renew a lease", answer);
}

/** How long the lease's own token lives, with as much time as it can get; undefined: it is none any more. */
async function tokenLeft(holder: Holder, signal: AbortSignal): Promise<number | undefined> {
  if (holder.token === undefined) return Infinity;
  const renewal = { method: "POST", path: "auth/token/renew-self", body: {} } as const;
  const renewed = await ask(holder, renewal, signal);
  const seconds = numberField(field(renewed.body, "auth"), "lease_duration");
  if (renewed.status === 200 && seconds !== undefined) return endOf(seconds);
  const found = await ask(holder, { method: "GET", path: "auth/token/lookup-self" }, signal);
  if (isEnded(found)) return undefined;
  // It lives, and its policy does not let it see for how long.
  if (found.status === 403) return Infinity;
  if (found.status !== 200) throw trouble(holder.provider, "tell how long a token lives", found);
  return endOf(numberField(field(found.body, "data"), "ttl") ?? 0);
}

/** A token without an end is told by zero. */
function endOf(seconds: number): number {
  return seconds > 0 ? seconds * 1000 : Infinity;
}

/** Rejects with `secret-denied` where our policy does not let us, and as `renewLease`. Twice is as once. */
export async function revokeLease(
  holder: Holder,
  leaseId: string,
  signal: AbortSignal,
): Promise<void> {
  const body = { lease_id: leaseId, sync: true };
  const answer = await ask(holder, { method: "POST", path: "sys/leases/revoke", body }, signal);
  if (answer.status < 300 || /invalid lease|lease not found/i.test(answer.errors.join("; ")))
    return;
  // With the token that it hangs on the lease goes, too.
  if (holder.token !== undefined) return;
  if (answer.status === 403) throw mayNot(holder, "revoke");
  throw trouble(holder.provider, "give a lease back", answer);
}

/**
 * With it goes all that hangs on it. One that is none any more is fine. Rejects with `secret-denied` where its
 * policy does not let it give itself back, and as `renewLease`.
 */
export async function revokeToken(
  { api, provider }: Pick<Holder, "api" | "provider">,
  token: Secret,
  signal: AbortSignal,
): Promise<void> {
  const call = { method: "POST", path: "auth/token/revoke-self", body: {}, token } as const;
  const answer = await api(call, signal);
  if (answer.status < 300) return;
  if (answer.status !== 403) throw trouble(provider, "give a token back", answer);
  const found = await api({ method: "GET", path: "auth/token/lookup-self", token }, signal);
  if (isEnded(found)) return;
  throw new DsoError(
    "secret-denied",
    `the token that provider "${provider}" logs in for may not give itself back`,
    { hint: 'Its policy needs: path "auth/token/revoke-self" { capabilities = ["update"] }' },
  );
}

/** Of a token that looked itself up: what the policy denies is told as a list of errors, and a token that is none is not. */
function isEnded({ status, errors }: VaultAnswer): boolean {
  const said = errors.join("; ");
  return status === 403 && (/invalid token/i.test(said) || !/error(s)? occurred/i.test(said));
}

function trouble(provider: string, what: string, { errors, status }: VaultAnswer): DsoError {
  const said = errors.join("; ") || `status ${status}`;
  return new DsoError("provider-unreachable", `provider "${provider}" does not ${what}: ${said}`, {
    hint: "It ends by itself, and is tried again until then.",
  });
}

function ask(
  { api, session, token }: Holder,
  call: VaultCall,
  signal: AbortSignal,
): Promise<VaultAnswer> {
  return token === undefined ? session.call(call, signal) : api({ ...call, token }, signal);
}

function mayNot({ provider }: Holder, what: "renew" | "revoke"): DsoError {
  return new DsoError(
    "secret-denied",
    `the token of provider "${provider}" may not ${what} leases`,
    {
      hint: `Its policy needs: path "sys/leases/${what}" { capabilities = ["update"] }`,
    },
  );
}
