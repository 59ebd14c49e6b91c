/** Calls with a token that is got, renewed and got again as needed; who waits for it, waits together. */
import { abortable } from "../../lib/together.ts";
import { DsoError } from "../../model/errors.ts";
import type { Clock } from "../../model/ports.ts";
import { field, numberField, type VaultAnswer, type VaultApi, type VaultCall } from "./api.ts";
import { logIn, type Login, renew, type Token } from "./login.ts";

export interface VaultSession {
  /** As the API's, with the token. A 403 in the answer is the policy's: rejects with `provider-auth` where it is the token's. */
  call(call: VaultCall, signal: AbortSignal): Promise<VaultAnswer>;
  /** Gives back a token that was logged in for. */
  close(): Promise<void>;
}

export interface SessionOptions {
  readonly api: VaultApi;
  readonly provider: string;
  readonly login: Login;
  readonly clock: Pick<Clock, "elapsed">;
}

interface Held {
  readonly token: Token;
  readonly since: number;
}

/** The share of its time after which a token is renewed. */
const RENEW_AT = 2 / 3;
/** A token that was given to us is looked at once it is kept this long: a plan is over by then. */
const LOOK_AFTER_MS = 60_000;
const GOODBYE_MS = 2000;
/** Every request has an end of its own. */
const UNENDING = new AbortController().signal;

export function createSession(options: SessionOptions): VaultSession {
  const { api } = options;
  const tokens = createTokens(options);
  return {
    async call(call, signal) {
      const token = await tokens.current(signal);
      const answer = await api({ ...call, token: token.value }, signal);
      if (answer.status !== 403 || (await isGood(api, token, signal))) return answer;
      const next = await tokens.instead(token, signal);
      const again = await api({ ...call, token: next.value }, signal);
      if (again.status !== 403 || (await isGood(api, next, signal))) return again;
      throw invalid(options, call);
    },
    close: () => tokens.close(),
  };
}

interface Tokens {
  current(signal: AbortSignal): Promise<Token>;
  /** Another one than this, which is refused. */
  instead(token: Token, signal: AbortSignal): Promise<Token>;
  close(): Promise<void>;
}

/** One asks, and all others wait for that: so it is bounded by the transport's time, not by who asked first. */
function createTokens(options: SessionOptions): Tokens {
  let held: Held | undefined;
  let getting: Promise<Held> | undefined;
  const get = async (make: () => Promise<Held>, signal: AbortSignal): Promise<Token> => {
    getting ??= make()
      .then((made) => (held = made))
      .finally(() => (getting = undefined));
    getting.catch(() => undefined);
    const { token } = await abortable(getting, signal);
    return token;
  };
  const current = (signal: AbortSignal): Promise<Token> => {
    const now = held;
    if (now === undefined) return get(() => fresh(options), signal);
    if (!isDue(now, options.clock)) return Promise.resolve(now.token);
    return get(() => prolong(options, now), signal);
  };
  return {
    current,
    // Another call may have got a new one meanwhile.
    instead: (token, signal) =>
      held?.token === token ? get(() => fresh(options), signal) : current(signal),
    async close() {
      const last = held;
      held = undefined;
      if (last === undefined) return;
      if (last.token.own) await giveBack(options.api, last.token);
      last.token.value.drop();
    },
  };
}

async function fresh({ api, provider, login, clock }: SessionOptions): Promise<Held> {
  return { token: await logIn(api, provider, login, UNENDING), since: clock.elapsed() };
}

function isDue({ token: { ttlMs, own }, since }: Held, clock: Pick<Clock, "elapsed">): boolean {
  const age = clock.elapsed() - since;
  return ttlMs === undefined ? !own && age > LOOK_AFTER_MS : age > ttlMs * RENEW_AT;
}

/** With more time, or another one. */
async function prolong(options: SessionOptions, { token, since }: Held): Promise<Held> {
  const { api, clock } = options;
  if (token.ttlMs === undefined) return lookedAt(api, token, clock.elapsed());
  const renewed = token.renewable ? await renew(api, token, UNENDING) : undefined;
  // One that cannot live longer is soon given no more than is left of it.
  const longer = renewed?.ttlMs !== undefined && renewed.ttlMs > token.ttlMs * (1 - RENEW_AT);
  if (renewed !== undefined && longer) return { token: renewed, since: clock.elapsed() };
  if (!token.own && clock.elapsed() - since < token.ttlMs) return { token, since };
  return fresh(options);
}

/** What is known of a token that was given to us; without the right to ask, it is used as it is. */
async function lookedAt(api: VaultApi, token: Token, now: number): Promise<Held> {
  const { status, body } = await lookup(api, token, UNENDING);
  const data = field(body, "data");
  const seconds = numberField(data, "ttl") ?? 0;
  if (status !== 200 || seconds === 0) return { token: { ...token, ttlMs: Infinity }, since: now };
  const renewable = field(data, "renewable") === true;
  return { token: { ...token, ttlMs: seconds * 1000, renewable }, since: now };
}

function lookup(api: VaultApi, token: Token, signal: AbortSignal): Promise<VaultAnswer> {
  return api({ method: "GET", path: "auth/token/lookup-self", token: token.value }, signal);
}

/** A denied path and a token that is none any more have one status. */
async function isGood(api: VaultApi, token: Token, signal: AbortSignal): Promise<boolean> {
  return (await lookup(api, token, signal)).status === 200;
}

function invalid({ provider, login }: SessionOptions, { path }: VaultCall): DsoError {
  const message = `provider "${provider}": its token is refused at ${path}`;
  return new DsoError("provider-auth", message, {
    hint:
      login.method === "token"
        ? `It has expired or was revoked: give another one under providers.${provider}.auth.`
        : `Look at the policies of the role that providers.${provider}.auth names.`,
  });
}

async function giveBack(api: VaultApi, token: Token): Promise<void> {
  const call = {
    method: "POST",
    path: "auth/token/revoke-self",
    body: {},
    token: token.value,
  } as const;
  // It ends by itself, too: nobody waits for a server that is away.
  await api(call, AbortSignal.timeout(GOODBYE_MS)).catch(() => undefined);
}
