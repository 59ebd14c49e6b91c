/** How long a store that does not answer is left alone, and whether the times that were noted still hold. */
import type { Clock } from "../../model/ports.ts";
import { DsoError } from "../../model/errors.ts";

/** Between two tries: longer from one to the next. */
const FIRST_MS = 500;
const LONGEST_MS = 30_000;

export interface Pauses {
  /** Until the next try, ms; 0: now. */
  leftMs(): number;
  /** Answers how long the pause is. `dueMs`: when something is over; there are several tries before. */
  failed(dueMs: number): number;
  succeeded(): void;
}

/** By the clock that nobody sets. */
export function createPauses(clock: Pick<Clock, "elapsed">): Pauses {
  let failures = 0;
  let until = -Infinity;
  return {
    leftMs: () => Math.max(0, until - clock.elapsed()),
    failed: (dueMs) => {
      const ms = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(failures++, 10));
      const pause = Math.min(ms, Math.max(FIRST_MS, dueMs / 3));
      until = clock.elapsed() + pause;
      return pause;
    },
    succeeded: () => {
      failures = 0;
      until = -Infinity;
    },
  };
}

/** What clocks drift apart by themselves is less. */
const JUMP_MS = 5000;

/** Answers whether somebody has set the clock since the last call. */
export function createJumps({ elapsed, now }: Pick<Clock, "elapsed" | "now">): () => boolean {
  let last = now() - elapsed();
  return () => {
    const before = last;
    last = now() - elapsed();
    return Math.abs(last - before) > JUMP_MS;
  };
}

/** Asking it for something else does not help either. */
export function isAway(error: unknown): boolean {
  return error instanceof DsoError && error.code !== "secret-denied";
}
