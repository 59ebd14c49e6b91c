/** The end of a lease: given back when nobody has it, and then forgotten. */
import { DsoError } from "../../model/errors.ts";
import type { Lease, Leases } from "../../model/leases.ts";
import type { Ledger } from "../leases/store.ts";
import { type LeaseRecord, lineOf, recordOf, withLine, without } from "../leases/terms.ts";
import { tokenOf } from "./issue.ts";
import { revokeLease, revokeToken } from "./leaseCalls.ts";
import { isForeign, type Leasing } from "./leasing.ts";
import { createPauses, isAway } from "./pauses.ts";

/** What our policy does not let us give back is tried again after so long: it may have been changed. */
const DENIED_MS = 600_000;

/** One after the other for each that is to end; a store that is away, or denies it, is left in peace for a while. */
export function endings(leasing: Leasing): Leases["end"] {
  const { provider, store, clock } = leasing;
  const pauses = createPauses(clock);
  const notBefore = new Map<string, number>();
  return async (lease, signal) => {
    const name = `${lease.path}@${lease.version}`;
    if (pauses.leftMs() > 0 || clock.elapsed() < (notBefore.get(name) ?? 0)) return false;
    try {
      const work = (ledger: Ledger, within: AbortSignal) => end(leasing, ledger, lease, within);
      const ended = await store.change(provider, work, signal);
      pauses.succeeded();
      notBefore.delete(name);
      return ended;
    } catch (error) {
      signal.throwIfAborted();
      // Of several the one that has failed is not the first to be tried again.
      const ms = isAway(error) ? 2 * pauses.failed(Infinity) : DENIED_MS;
      notBefore.set(name, clock.elapsed() + ms);
      throw error;
    }
  };
}

/** Given back first, and then forgotten: whoever is killed in between does it once more. */
async function end(
  leasing: Leasing,
  ledger: Ledger,
  { path, version, readAt }: Lease,
  signal: AbortSignal,
): Promise<boolean> {
  const line = lineOf(ledger.book, path);
  const record = recordOf(line, version);
  if (record === undefined) return true;
  if (record.readAt !== readAt) return false;
  if (!isForeign(leasing, record)) await askBack(leasing, ledger, record, signal);
  await ledger.erase(record);
  await ledger.write(withLine(ledger.book, path, without(lineOf(ledger.book, path), record.id)));
  return true;
}

async function askBack(
  leasing: Leasing,
  ledger: Ledger,
  record: LeaseRecord,
  signal: AbortSignal,
): Promise<void> {
  const token = tokenOf(await ledger.kept(record, "token"));
  try {
    const { provider, api, session, engine, clock } = leasing;
    const isOver = record.state === "dead" || clock.now() >= record.expiresAt;
    // A certificate is taken back by nobody: it ends, and who had it has another one.
    if (!isOver && record.leaseId !== "" && engine.kind !== "pki") {
      await revokeLease({ provider, api, session, token }, record.leaseId, signal);
    }
    // On one without a lease nothing hangs any more, and it was given back when it was issued.
    if (token !== undefined) {
      const revoked = revokeToken({ api, provider }, token, signal);
      await (isOver || record.leaseId === "" ? revoked.catch(unlessAway) : revoked);
    }
  } finally {
    token?.drop();
  }
}

function unlessAway(error: unknown): void {
  if (!(error instanceof DsoError) || error.code !== "secret-denied") throw error;
}
