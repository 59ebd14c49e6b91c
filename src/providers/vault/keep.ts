/** Leases from their first day to their last: renewed while they can be, given back when nobody has them. */
import { DsoError } from "../../model/errors.ts";
import type { Lease, Leases, Tended } from "../../model/leases.ts";
import type { Ledger } from "../leases/store.ts";
import {
  type Book,
  extended,
  isToRenew,
  type LeaseRecord,
  lineOf,
  nextLook,
  unrenewable,
  versionOf,
  withLine,
  withRecord,
} from "../leases/terms.ts";
import { recoverIssuing, tokenOf } from "./issue.ts";
import { endings } from "./endings.ts";
import { type Renewed, renewLease } from "./leaseCalls.ts";
import { keepToken } from "./keepToken.ts";
import { isForeign, type Leasing } from "./leasing.ts";
import { createJumps, createPauses, isAway } from "./pauses.ts";

export function keepLeases(leasing: Leasing): Leases {
  const { provider, store, clock } = leasing;
  const token = keepToken(leasing);
  const pauses = createPauses(clock);
  const hasJumped = createJumps(clock);
  let isClockSet = false;
  const failed: Failed = new Map();
  return {
    list: async () => listed(await store.look(provider)),
    tend: async (signal) => {
      isClockSet = hasJumped() || isClockSet;
      const pausedMs = pauses.leftMs();
      if (pausedMs > 0) return { nextAt: clock.now() + pausedMs, faults: [] };
      const kept = await token.tend(signal);
      const left = kept.faults.some(isAway) ? [] : await workOf(leasing, isClockSet);
      const tended = soonest(kept, await tend(leasing, left, failed, signal));
      if (!tended.faults.some(isAway)) {
        pauses.succeeded();
        isClockSet = false;
        return tended;
      }
      const now = clock.now();
      return { ...tended, nextAt: now + pauses.failed((tended.nextAt ?? Infinity) - now) };
    },
    end: endings(leasing),
  };
}

function soonest(a: Tended, b: Tended): Tended {
  const nextAt = Math.min(a.nextAt ?? Infinity, b.nextAt ?? Infinity);
  return { nextAt: nextAt === Infinity ? undefined : nextAt, faults: [...a.faults, ...b.faults] };
}

function listed({ secrets }: Book): readonly Lease[] {
  return Object.entries(secrets).flatMap(([path, { last, records }]) =>
    records
      .filter(({ state }) => state !== "issuing")
      .map(({ generation, expiresAt, readAt, state }) => ({
        ...{ path, version: versionOf(generation), newest: generation === last },
        ...{ expiresAt: state === "dead" ? 0 : expiresAt, readAt },
      })),
  );
}

/** By what was tried: the one that failed last has the greatest number. */
type Failed = Map<string, number>;

interface Work {
  readonly id: string;
  readonly run: (ledger: Ledger, faults: DsoError[], signal: AbortSignal) => Promise<unknown>;
}

/** Once the clock was set, nobody knows how old a lease is: each that can be renewed is. */
async function workOf(leasing: Leasing, isClockSet: boolean): Promise<readonly Work[]> {
  const { provider, store, clock } = leasing;
  const begun = await store.look(provider);
  const isLeft = recordsOf(begun).some(({ state }) => state === "issuing");
  const recovery: Work = {
    id: "issuing",
    run: (ledger, _, signal) => recoverIssuing(leasing, ledger, signal),
  };
  const isDue = (record: LeaseRecord): boolean =>
    !isForeign(leasing, record) &&
    (isToRenew(record, clock.now()) || (isClockSet && record.state === "live" && record.renewable));
  const due = [...withPaths(begun)].filter(([, record]) => isDue(record));
  const renewals = due.map(([path, { id }]): Work => {
    const run: Work["run"] = async (ledger, faults, signal) => {
      const record = lineOf(ledger.book, path).records.find((one) => one.id === id);
      // Somebody else may have done it meanwhile.
      if (record === undefined || !isDue(record)) return;
      await renewRecord(leasing, ledger, path, record, signal, faults);
    };
    return { id, run };
  });
  return [...(isLeft ? [recovery] : []), ...renewals];
}

/**
 * One after the other, each under a lock of its own: who needs one of them waits for no other. At the first
 * trouble with the store the rest waits; what has failed is last the next time, so that it holds up no other.
 */
async function tend(
  leasing: Leasing,
  work: readonly Work[],
  failed: Failed,
  signal: AbortSignal,
): Promise<Tended> {
  const { provider, store, clock } = leasing;
  const faults: DsoError[] = [];
  const last = ({ id }: Work): number => failed.get(id) ?? 0;
  for (const one of work.toSorted((a, b) => last(a) - last(b))) {
    try {
      const run = (ledger: Ledger, within: AbortSignal) => one.run(ledger, faults, within);
      await store.change(provider, run, signal);
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof DsoError)) throw error;
      faults.push(error);
    }
    failed.delete(one.id);
    if (!faults.some(isAway)) continue;
    failed.set(one.id, Math.max(0, ...failed.values()) + 1);
    break;
  }
  const own = recordsOf(await store.look(provider)).filter((one) => !isForeign(leasing, one));
  const times = own.flatMap((record) => nextLook(record, clock.now()) ?? []);
  return { nextAt: times.sort((a, b) => a - b)[0], faults };
}

function* withPaths({ secrets }: Book): Iterable<readonly [string, LeaseRecord]> {
  for (const [path, { records }] of Object.entries(secrets)) {
    for (const record of records) yield [path, record];
  }
}

function recordsOf(book: Book): readonly LeaseRecord[] {
  return [...withPaths(book)].map(([, record]) => record);
}

/**
 * As the store has it now. Trouble with the store is a fault, for whoever wants to hear of it, and the lease
 * is good as it was. Wants the ledger.
 */
export async function renewRecord(
  leasing: Leasing,
  ledger: Ledger,
  path: string,
  record: LeaseRecord,
  signal: AbortSignal,
  faults: DsoError[] = [],
): Promise<LeaseRecord> {
  if (isForeign(leasing, record)) return record;
  const token = tokenOf(await ledger.kept(record, "token"));
  // What comes back lives from then on, if not a little longer.
  const asked = leasing.clock.now();
  try {
    const { provider, api, session } = leasing;
    const holder = { provider, api, session, token };
    const renewed = await renewLease(holder, record.leaseId, record.leaseMs, signal);
    const next = after(record, renewed, asked);
    if (renewed.kind === "fixed" && renewed.fault !== undefined) faults.push(renewed.fault);
    await ledger.write(withLine(ledger.book, path, withRecord(lineOf(ledger.book, path), next)));
    return next;
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof DsoError)) throw error;
    faults.push(error);
    return record;
  } finally {
    token?.drop();
  }
}

function after(record: LeaseRecord, renewed: Renewed, now: number): LeaseRecord {
  switch (renewed.kind) {
    case "renewed":
      return extended(record, now, renewed.ms);
    case "dead":
      return { ...record, state: "dead" };
    case "fixed":
      return unrenewable(record);
  }
}
