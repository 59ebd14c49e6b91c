/** When a project is looked at next: after a while of quiet, later where it failed or is restless. */

/** Why somebody thinks that something is different; `urgent`: somebody waits for what comes of it. */
export type Cause = "start" | "asked" | "urgent" | "files" | "secrets" | "engine" | "interval";

/**
 * `failed`: to be tried again later, though nothing should change; `busy`: somebody else was at it, so
 * soon again; `gone`: nobody looks after it any more.
 */
export type Outcome = "quiet" | "worked" | "failed" | "busy" | "gone";

/** What is known of one project; changed in place by the functions below. Times in ms, by a clock that never jumps. */
export interface Pace {
  /** Of the run that is waited for. */
  causes: Set<Cause>;
  /** When the first of them came. */
  since: number;
  /** When somebody began to edit, and was last seen to, since the last run began. */
  edited: { readonly first: number; readonly last: number } | undefined;
  /** Runs that failed, one after the other. */
  failures: number;
  /** When something was put right that no file had asked for. */
  healed: readonly number[];
}

/** However restless somebody is who edits, what is there is read after so long. */
export const PATIENCE_MS = 30_000;
const RETRY_MS = 5000;
const LONGEST_MS = 300_000;
/** What is put right more than once within this time is left alone for longer and longer. */
const HEALING_MS = 600_000;

/** What failed may go well once one of these has changed: that is another attempt. */
const NEWS: ReadonlySet<Cause> = new Set<Cause>(["start", "asked", "urgent", "files", "secrets"]);
/** Somebody is at work, and may not be done. */
const EDITS: ReadonlySet<Cause> = new Set<Cause>(["files", "secrets"]);

export function newPace(): Pace {
  return { causes: new Set(), since: 0, edited: undefined, failures: 0, healed: [] };
}

/** Takes the cause to heart. That time passes, or a container moves, does not make what failed go well. */
export function heed(pace: Pace, cause: Cause, now: number): void {
  if (EDITS.has(cause)) pace.edited = { first: pace.edited?.first ?? now, last: now };
  if (NEWS.has(cause)) pace.failures = 0;
  else if (pace.failures > 0) return;
  if (pace.causes.size === 0) pace.since = now;
  pace.causes.add(cause);
}

/** Undefined where nothing is to be looked at. `random`: from 0 to 1, so that not all come at once. */
export function nextDue(
  pace: Pace,
  quietMs: number,
  now: number,
  random: number,
): number | undefined {
  const { causes, since, failures, edited } = pace;
  if (causes.has("asked") || causes.has("urgent")) return now;
  // Files that are being written are read by nobody, whatever else is the matter.
  const written =
    edited === undefined ? now : Math.min(edited.last + quietMs, edited.first + PATIENCE_MS);
  if (causes.has("start")) return Math.max(now, written);
  if (causes.size > 0) {
    const byItself = [...causes].every((cause) => cause === "engine");
    const quiet = byItself ? healingDelay(pace, quietMs, now) : quietMs;
    const latest = since + Math.max(PATIENCE_MS, quiet);
    return Math.max(now, written, Math.min(now + quiet, latest));
  }
  if (failures === 0) return undefined;
  const wait = Math.min(RETRY_MS * 2 ** Math.min(failures - 1, 10), LONGEST_MS);
  return now + wait * (0.8 + 0.4 * random);
}

/** A run begins: answers what has led to it. */
export function begin(pace: Pace): ReadonlySet<Cause> {
  const { causes } = pace;
  pace.causes = new Set();
  pace.edited = undefined;
  return causes;
}

/** A container that goes again and again is not fought for ever. */
function healingDelay({ healed }: Pace, quietMs: number, now: number): number {
  const times = healed.filter((at) => at > now - HEALING_MS).length;
  return times < 2
    ? quietMs
    : Math.min(Math.max(quietMs, 1000) * 2 ** Math.min(times - 1, 10), LONGEST_MS);
}

/** After a run that `causes` had led to. */
export function conclude(
  pace: Pace,
  causes: ReadonlySet<Cause>,
  outcome: Outcome,
  now: number,
): void {
  pace.failures = outcome === "failed" ? pace.failures + 1 : 0;
  if (outcome === "busy") heed(pace, "interval", now);
  const recent = pace.healed.filter((at) => at > now - HEALING_MS);
  const byItself = causes.size > 0 && [...causes].every((cause) => cause === "engine");
  pace.healed = outcome === "worked" && byItself ? [...recent, now] : recent;
}
