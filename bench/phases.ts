/** What a change of a running service is made of, by the engine calls that it takes. */
import type { TimedCall } from "./engineCalls.ts";
import { median } from "./race.ts";
import type { Row } from "./table.ts";

/** Milliseconds, but for `calls`. */
export interface Phases {
  /** Begun until the new container was heard. */
  readonly calls: number;
  /** From the change until the engine is told to start the new container. */
  readonly before: number;
  readonly start: number;
  /** Of the program, until it was heard, or until the names began to be led to it. */
  readonly boot: number;
  /** Until it was heard under its name; 0 where it had that from its start. */
  readonly naming: number;
  /** In which no call was pending: files, journal, waiting for the program. */
  readonly idle: number;
}

export function phasesOf(calls: readonly TimedCall[], begun: number, heard: number): Phases {
  const until = calls.filter(({ from }) => from < heard);
  const start = until.find(({ method, path }) => method === "POST" && path.endsWith("/start"));
  if (start?.to === undefined) throw new Error("nothing was started before it was heard");
  const started = start.to;
  const naming = until.find(
    ({ path, from }) => from >= started && /\/networks\/[^/]+\/disconnect$/.test(path),
  );
  const ready = naming?.from ?? Math.max(heard, started);
  return {
    calls: until.length,
    before: start.from - begun,
    start: started - start.from,
    boot: ready - started,
    naming: naming === undefined ? 0 : heard - ready,
    idle: heard - begun - busy(until, begun, heard),
  };
}

/** How long at least one of them was pending. */
function busy(calls: readonly TimedCall[], begun: number, until: number): number {
  let [total, end] = [0, begun];
  for (const { from, to = until } of calls) {
    total += Math.max(0, Math.min(to, until) - Math.max(from, end));
    end = Math.max(end, Math.min(to, until));
  }
  return total;
}

const FIGURES: readonly (readonly [keyof Phases, string])[] = [
  ["calls", "engine calls until then"],
  ["before", "- until the new one is started"],
  ["start", "- the engine starts it"],
  ["boot", "- it boots, and is seen to serve"],
  ["naming", "- its names lead to it"],
  ["idle", "of all that: no call was pending"],
];

export function phaseRows(
  own: readonly Phases[],
  baseline: readonly Phases[],
  name: string,
): readonly Row[] {
  const middle = (all: readonly Phases[], key: keyof Phases): string =>
    median(all.map((phases) => phases[key])).toFixed(0);
  return FIGURES.map(([key, figure]) => ({
    figure,
    value: middle(own, key),
    baseline: name,
    baselineValue: middle(baseline, key),
  }));
}
