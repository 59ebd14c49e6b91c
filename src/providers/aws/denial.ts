import type { Clock } from "../../model/ports.ts";

/** Somebody may have granted it meanwhile. */
const AGAIN_MS = 60 * 60 * 1000;

/** A call that our policy forbids, so that it is not made each time: only once an hour is it tried again. */
export interface Denial {
  holds(): boolean;
  note(): void;
}

export function createDenial(clock: Pick<Clock, "elapsed">): Denial {
  let until = 0;
  return {
    holds: () => clock.elapsed() < until,
    note: () => {
      until = clock.elapsed() + AGAIN_MS;
    },
  };
}
