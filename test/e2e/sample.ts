/** A sample of a matrix that changes with each run; all of it with DSO_KILL_MATRIX=all. */

/** Printed by who draws: `DSO_SEED` draws the same again. */
export const seed = Number(process.env["DSO_SEED"] ?? Math.floor(Math.random() * 2 ** 31));

export function chosen<T>(all: readonly T[], count: number): readonly T[] {
  if (process.env["DSO_KILL_MATRIX"] === "all") return all;
  const random = randomOf(seed);
  const rest = [...all];
  return Array.from({ length: Math.min(count, rest.length) }, () =>
    rest.splice(Math.floor(random() * rest.length), 1),
  ).flat();
}

export interface Kill {
  readonly call: string;
  /** Which call of the run, from 1 on. */
  readonly number: number;
  readonly when: "before" | "after";
}

/** Before and after each call. */
export function killsOf(calls: readonly string[]): readonly Kill[] {
  return calls.flatMap((call, index) =>
    (["before", "after"] as const).map((when) => ({ call, number: index + 1, when })),
  );
}

/** The same for the same seed: mulberry32. */
function randomOf(state: number): () => number {
  let now = state;
  return () => {
    now = (now + 0x6d2b79f5) | 0;
    let mixed = Math.imul(now ^ (now >>> 15), 1 | now);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
