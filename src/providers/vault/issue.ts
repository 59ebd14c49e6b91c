/** Getting new credentials, so that none are out there which nobody knows of. */
import type { SecretData } from "../../model/ports.ts";
import type { Secret } from "../../model/secret.ts";
import { dropUnused } from "../answers.ts";
import type { Kept, Ledger } from "../leases/store.ts";
import {
  type LeaseRecord,
  lineOf,
  turnIn,
  versionOf,
  withLine,
  without,
  withRecord,
} from "../leases/terms.ts";
import { type Issued, issuedBy, issuing } from "./engines.ts";
import { revokeLease, revokeToken } from "./leaseCalls.ts";
import type { Leasing } from "./leasing.ts";
import { logIn, type Token } from "./login.ts";

/** Whatever happened before, what was begun is given back; it takes no longer than a request may. */
const GOODBYE_MS = 5000;
/** The name under which a token is kept. */
const TOKEN = "token";

/**
 * The next generation. Before the store is asked it is noted that it will be, and then the token that the
 * lease will hang on is kept: whoever is killed in between leaves what the next one gives back. Wants the ledger.
 */
export async function issue(
  leasing: Leasing,
  ledger: Ledger,
  path: string,
  signal: AbortSignal,
): Promise<SecretData> {
  const { clock } = leasing;
  const line = lineOf(ledger.book, path);
  const begun = clock.now();
  const intent: LeaseRecord = {
    ...(await ledger.place()),
    ...{ generation: line.last + 1, state: "issuing", leaseId: "", renewable: false },
    ...{ issuedAt: begun, readAt: begun, expiresAt: begun, turnAt: begun, leaseMs: 0, termMs: 0 },
  };
  let token: Token | undefined;
  let issued: Issued | undefined;
  try {
    await ledger.write(withLine(ledger.book, path, withRecord(line, intent)));
    token = await ownToken(leasing, signal);
    if (token !== undefined) await ledger.keep(intent, "token", new Map([[TOKEN, token.value]]));
    issued = await ask(leasing, path, token, signal);
    await ledger.keep(intent, "values", issued.values);
    const record = recordOf(intent, issued, token, clock.now());
    await ledger.write(withLine(ledger.book, path, withRecord(line, record)));
    if (token !== undefined && record.leaseId === "") await giveBack(leasing, token);
    return { version: versionOf(record.generation), values: issued.values };
  } catch (error) {
    await undo(leasing, ledger, path, intent, issued, token);
    throw error;
  } finally {
    token?.value.drop();
  }
}

/** Logged in for, for one lease alone; undefined where the user has given one. */
function ownToken(
  { api, provider, login }: Leasing,
  signal: AbortSignal,
): Promise<Token | undefined> {
  return login.method === "token"
    ? Promise.resolve(undefined)
    : logIn(api, provider, login, signal);
}

async function ask(
  leasing: Leasing,
  path: string,
  token: Token | undefined,
  signal: AbortSignal,
): Promise<Issued> {
  const call = issuing(leasing, path);
  const answer =
    token === undefined
      ? await leasing.session.call(call, signal)
      : await leasing.api({ ...call, token: token.value }, signal);
  return issuedBy(leasing, path, answer);
}

/** From when it was asked for: it has not lived longer than that. */
function recordOf(
  intent: LeaseRecord,
  { leaseId, ms, renewable }: Issued,
  token: Token | undefined,
  now: number,
): LeaseRecord {
  const { id, issuedAt } = intent;
  const termMs = leaseId === "" ? ms : Math.min(ms, token?.ttlMs ?? Infinity);
  return {
    ...intent,
    ...{ state: "live", leaseId, renewable, leaseMs: ms, termMs, readAt: now },
    ...{ expiresAt: issuedAt + termMs, turnAt: turnIn(id, issuedAt, termMs) },
  };
}

/** Nobody has seen it: it goes, also where we are told to stop. */
async function undo(
  leasing: Leasing,
  ledger: Ledger,
  path: string,
  intent: LeaseRecord,
  issued: Issued | undefined,
  token: Token | undefined,
): Promise<void> {
  if (issued !== undefined) {
    const { provider, api, session } = leasing;
    const holder = { provider, api, session, token: token?.value };
    const limit = AbortSignal.timeout(GOODBYE_MS);
    if (issued.leaseId !== "")
      await revokeLease(holder, issued.leaseId, limit).catch(() => undefined);
    dropUnused([{ version: "", values: issued.values }], new Set());
  }
  if (token !== undefined) await giveBack(leasing, token);
  await ledger.erase(intent).catch(() => undefined);
  const line = without(lineOf(ledger.book, path), intent.id);
  await ledger.write(withLine(ledger.book, path, line)).catch(() => undefined);
}

async function giveBack({ api }: Leasing, { value }: Token): Promise<void> {
  await revokeToken(api, value, AbortSignal.timeout(GOODBYE_MS)).catch(() => undefined);
}

/** What somebody had begun who was killed: with its token goes whatever was issued. Wants the ledger. */
export async function recoverIssuing(
  leasing: Leasing,
  ledger: Ledger,
  signal: AbortSignal,
): Promise<void> {
  for (const [path, line] of Object.entries(ledger.book.secrets)) {
    for (const record of line.records.filter(({ state }) => state === "issuing")) {
      const token = tokenOf(await ledger.kept(record, "token"));
      if (token !== undefined) await revokeToken(leasing.api, token, signal);
      token?.drop();
      await ledger.erase(record);
      await ledger.write(
        withLine(ledger.book, path, without(lineOf(ledger.book, path), record.id)),
      );
    }
  }
}

/** What the lease hangs on, if that is not the session's own. */
export function tokenOf(kept: Kept | undefined): Secret | undefined {
  return kept?.get(TOKEN);
}
