/** Two who ask a store the same thing at the same moment: the second hears what the first was told. */
import { abortable } from "../../lib/together.ts";

/** Does `work`, which is about `keys`, once nobody who came before is at work on any of them. */
export type Turns = <T>(
  keys: readonly string[],
  work: () => Promise<T>,
  signal: AbortSignal,
) => Promise<T>;

export function createTurns(): Turns {
  const underWay = new Map<string, Promise<unknown>>();
  return async (keys, work, signal) => {
    const before = new Set(keys.flatMap((key) => underWay.get(key) ?? []));
    // Once only: of a store that does not answer everybody finds that out at the same time.
    if (before.size > 0) await abortable(Promise.allSettled(before), signal);
    const own = work();
    for (const key of keys) underWay.set(key, own);
    try {
      return await own;
    } finally {
      for (const key of keys) if (underWay.get(key) === own) underWay.delete(key);
    }
  };
}
