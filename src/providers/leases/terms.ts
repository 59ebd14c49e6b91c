/** How long a lease is good, and what comes after it: the rules, without a clock or a file. */
import type { Version } from "../../model/version.ts";

/** All times are milliseconds since the epoch. */
export interface LeaseRecord {
  /** Random: the name of its directory in memory. */
  readonly id: string;
  /** Where that is. */
  readonly place: string;
  readonly generation: number;
  /**
   * `issuing`: the store was asked, and whoever asked may have been killed; `live`: it can be had;
   * `due`: it cannot live longer than `expiresAt`; `dead`: the store has none such any more.
   */
  readonly state: "issuing" | "live" | "due" | "dead";
  /** The store's own name for it; empty where it has none, as for a certificate. */
  readonly leaseId: string;
  readonly issuedAt: number;
  readonly expiresAt: number;
  /** When it is renewed; replaced, where it cannot be. */
  readonly turnAt: number;
  readonly renewable: boolean;
  /** What a renewal asks for, ms. */
  readonly leaseMs: number;
  /** What it lives for from a renewal on, unless its longest time is near, ms. */
  readonly termMs: number;
  readonly readAt: number;
  /** What it was issued for, as a hash; absent in what an earlier release has written. */
  readonly asked?: string;
  /** Who issued it, as a hash; absent in what an earlier release has written. */
  readonly server?: string;
}

/** What is remembered of one secret of the store. */
export interface Line {
  /** The last generation that was issued; 0: none was. It is never counted again. */
  readonly last: number;
  /** Oldest first. */
  readonly records: readonly LeaseRecord[];
}

export interface Book {
  readonly v: 1;
  readonly secrets: Readonly<Record<string, Line>>;
}

export const EMPTY: Book = { v: 1, secrets: {} };

/** The store tells whole seconds: less than asked for by so much is no rounding. */
const SECOND_MS = 1000;
/** The share of its time after which a lease is renewed, or replaced where it cannot be. */
const TURN_AT = 2 / 3;
/** By so much of it sooner, not the same for all. */
const JITTER = 0.1;
/** The share of its time before its end in which it is replaced, though it might be renewed: nobody has. */
const LATE = 1 / 6;

export function lineOf({ secrets }: Book, path: string): Line {
  return Object.hasOwn(secrets, path) ? (secrets[path] as Line) : { last: 0, records: [] };
}

/** With that line in place of the path's. */
export function withLine({ v, secrets }: Book, path: string, line: Line): Book {
  return {
    v,
    secrets: Object.fromEntries([...Object.entries({ ...secrets, [path]: line })].sort(byPath)),
  };
}

function byPath([a]: readonly [string, Line], [b]: readonly [string, Line]): number {
  return a < b ? -1 : 1;
}

/** With that record in place of the one of its id, else after all others. */
export function withRecord(line: Line, record: LeaseRecord): Line {
  const others = line.records.filter(({ id }) => id !== record.id);
  const last = record.state === "issuing" ? line.last : Math.max(line.last, record.generation);
  return { last, records: [...others, record].sort((a, b) => a.generation - b.generation) };
}

export function without({ last, records }: Line, id: string): Line {
  return { last, records: records.filter((record) => record.id !== id) };
}

export function versionOf(generation: number): Version {
  return `g${generation}`;
}

/** The newest that was issued, whether it is good or not. */
export function newestOf({ last, records }: Line): LeaseRecord | undefined {
  return records.find(({ generation, state }) => generation === last && state !== "issuing");
}

/** What was issued by that version; something that was only begun may have its number, too. */
export function recordOf({ records }: Line, version: Version): LeaseRecord | undefined {
  return records.find(
    ({ generation, state }) => versionOf(generation) === version && state !== "issuing",
  );
}

/** It lives, as far as is known. */
export function isAlive({ state, expiresAt }: LeaseRecord, now: number): boolean {
  return (state === "live" || state === "due") && now < expiresAt;
}

/** Whoever asks for the secret now is to have this one, and not the next. */
export function isGood(record: LeaseRecord, now: number): boolean {
  return record.state === "live" && now < replaceAt(record);
}

function replaceAt({ renewable, expiresAt, turnAt, termMs }: LeaseRecord): number {
  return renewable ? expiresAt - termMs * LATE : turnAt;
}

/** The generation that references are told: the one that is good, else the one that would be issued. */
export function toldGeneration(
  line: Line,
  now: number,
  isUsable: (record: LeaseRecord) => boolean,
): number {
  const newest = newestOf(line);
  const isTold = newest !== undefined && isGood(newest, now) && isUsable(newest);
  return isTold ? line.last : line.last + 1;
}

/** When something of it changes by itself, or is to be done; undefined: nothing any more. */
export function nextLook(record: LeaseRecord, now: number): number | undefined {
  if (record.state === "dead" || record.state === "issuing") return undefined;
  const times =
    record.state === "due"
      ? [record.expiresAt]
      : [record.turnAt, replaceAt(record), record.expiresAt];
  return times.filter((at) => at > now).sort((a, b) => a - b)[0];
}

export function isToRenew(
  { state, renewable, turnAt, expiresAt }: LeaseRecord,
  now: number,
): boolean {
  return state === "live" && renewable && now >= turnAt && now < expiresAt;
}

/** The same with the time that the store has given it at `now`. */
export function extended(record: LeaseRecord, now: number, ms: number): LeaseRecord {
  const isCapped = ms <= record.termMs - SECOND_MS;
  return {
    ...record,
    state: isCapped ? "due" : "live",
    expiresAt: now + ms,
    turnAt: turnIn(record.id, now, ms),
  };
}

/** It can be had no longer than it was given for. */
export function unrenewable(record: LeaseRecord): LeaseRecord {
  const { id, issuedAt, expiresAt } = record;
  return { ...record, renewable: false, turnAt: turnIn(id, issuedAt, expiresAt - issuedAt) };
}

/** Sooner for some than for others, by their names. */
export function turnIn(id: string, from: number, ms: number): number {
  const share = Number.parseInt(id.slice(0, 4), 16) / 0xffff;
  return Math.floor(from + ms * (TURN_AT - JITTER * share));
}
