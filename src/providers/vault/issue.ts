/** Getting new credentials, so that none are out there which nobody knows of. */
import { DsoError } from "../../model/errors.ts";
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
import { isForeign, type Leasing } from "./leasing.ts";
import { logIn, type Token } from "./login.ts";

/** What was begun is given back whatever happened before; it takes no longer than a request may. */
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
    ...{ asked: leasing.askedFor(path), server: leasing.server },
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
    if (token !== undefined && record.leaseId === "") {
      const limit = AbortSignal.timeout(GOODBYE_MS);
      await giveBack(leasing, record, token.value, limit).catch(() => undefined);
    }
    return { version: versionOf(record.generation), values: issued.values };
  } catch (error) {
    if (issued !== undefined) dropUnused([{ version: "", values: issued.values }], new Set());
    await undo(leasing, ledger, path, begunWith(intent, issued), token, error);
    throw error;
  } finally {
    token?.value.drop();
  }
}

function begunWith(intent: LeaseRecord, issued: Issued | undefined): LeaseRecord {
  if (issued === undefined) return intent;
  return { ...intent, leaseId: issued.leaseId, expiresAt: intent.issuedAt + issued.ms };
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

/**
 * Nobody has seen it: it goes, also where we are told to stop. What the store does not take back now stays
 * noted, with its token: whatever broke the connection may have come after the credentials were issued.
 */
async function undo(
  leasing: Leasing,
  ledger: Ledger,
  path: string,
  begun: LeaseRecord,
  token: Token | undefined,
  why: unknown,
): Promise<void> {
  try {
    await giveBack(leasing, begun, token?.value, AbortSignal.timeout(GOODBYE_MS));
  } catch (error) {
    // A token on which nothing hangs, and which may not give itself back, is not worth a note.
    if (begun.leaseId !== "" || !isDenied(error) || !isRefusal(why)) {
      const line = withRecord(lineOf(ledger.book, path), begun);
      await ledger.write(withLine(ledger.book, path, line)).catch(() => undefined);
      return;
    }
  }
  await ledger.erase(begun).catch(() => undefined);
  const line = without(lineOf(ledger.book, path), begun.id);
  await ledger.write(withLine(ledger.book, path, line)).catch(() => undefined);
}

function isDenied(error: unknown): error is DsoError {
  return error instanceof DsoError && error.code === "secret-denied";
}

/** The store has said itself that it issues nothing. */
function isRefusal(error: unknown): boolean {
  return error instanceof DsoError && /^(secret|config)-/.test(error.code);
}

/** Whatever was issued: with a token of its own, by that. */
async function giveBack(
  { provider, api, session, clock }: Leasing,
  { leaseId, expiresAt }: LeaseRecord,
  token: Secret | undefined,
  signal: AbortSignal,
): Promise<void> {
  if (token !== undefined) return revokeToken({ api, provider }, token, signal);
  if (leaseId === "" || clock.now() >= expiresAt) return;
  await revokeLease({ provider, api, session, token }, leaseId, signal);
}

/**
 * What somebody had begun who was killed, or whom the store did not answer: whatever was issued goes. Rejects
 * as giving back does; what may not be given back holds up none of the others. Wants the ledger.
 */
export async function recoverIssuing(
  leasing: Leasing,
  ledger: Ledger,
  signal: AbortSignal,
): Promise<void> {
  let denied: DsoError | undefined;
  for (const [path, line] of Object.entries(ledger.book.secrets)) {
    for (const record of line.records.filter(({ state }) => state === "issuing")) {
      const token = tokenOf(await ledger.kept(record, "token"));
      try {
        if (!isForeign(leasing, record)) await giveBack(leasing, record, token, signal);
      } catch (error) {
        if (!isDenied(error)) throw error;
        denied ??= error;
        continue;
      } finally {
        token?.drop();
      }
      await ledger.erase(record);
      await ledger.write(
        withLine(ledger.book, path, without(lineOf(ledger.book, path), record.id)),
      );
    }
  }
  if (denied !== undefined) throw denied;
}

/** What the lease hangs on, if that is not the session's own. */
export function tokenOf(kept: Kept | undefined): Secret | undefined {
  return kept?.get(TOKEN);
}
