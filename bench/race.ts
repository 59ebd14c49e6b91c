/** Whole processes against each other, in turns: what else the machine does hits all alike. */
import { spawnSync } from "node:child_process";

export interface Runner {
  /** As a person would type it. */
  readonly name: string;
  readonly argv: readonly [string, ...string[]];
  readonly cwd: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** Milliseconds of each round; round i of every runner ran beside round i of the others. */
export type Times = readonly number[];

const WARM_UP = 2;

/** Throws when a program fails: a failure is no figure. */
export function race(runners: readonly Runner[], rounds: number): ReadonlyMap<Runner, Times> {
  const times = new Map(runners.map((runner) => [runner, [] as number[]]));
  for (let round = -WARM_UP; round < rounds; round++) {
    for (const [runner, kept] of times) {
      const elapsed = runOnce(runner);
      if (round >= 0) kept.push(elapsed);
    }
  }
  return times;
}

function runOnce({ name, argv: [program, ...args], cwd, environment }: Runner): number {
  const start = performance.now();
  const { status, error, stderr } = spawnSync(program, args, {
    cwd,
    env: { ...environment },
    stdio: ["ignore", "ignore", "pipe"],
  });
  const elapsed = performance.now() - start;
  if (status === 0) return elapsed;
  throw new Error(`"${name}" ended with ${status}: ${stderr.toString()}`, { cause: error });
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? upper)) / 2;
}

/** The median of the ratios of neighbours: less moved by a machine that is busy for a while. */
export function pairedRatio(times: Times, baseline: Times): number {
  return median(times.map((time, round) => time / (baseline[round] ?? Number.NaN)));
}
