import type { Clock } from "../model/ports.ts";

/** Resolves when the next request may be sent. Rejects with the signal's reason, also where that was aborted before. */
export type Pace = (signal: AbortSignal) => Promise<void>;

/** After a quiet second as many at once as may be sent in one; then evenly, in the order in which they come. */
export function createPace(
  perSecond: number,
  { elapsed, sleep }: Pick<Clock, "elapsed" | "sleep">,
): Pace {
  const stepMs = 1000 / perSecond;
  let next = -Infinity;
  return async (signal) => {
    signal.throwIfAborted();
    const now = elapsed();
    next = Math.max(next, now - 1000) + stepMs;
    if (next > now) await sleep(next - now, signal);
  };
}
