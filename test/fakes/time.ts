import { setTimeout as sleep } from "node:timers/promises";
import type { Clock } from "../../src/model/ports.ts";
import type { Opening } from "../../src/providers/opening.ts";

/** The machine's own time, for a provider that nobody lets sleep. */
const wallClock: Clock = {
  now: () => Date.now(),
  elapsed: () => performance.now(),
  sleep: () => Promise.reject(new Error("nobody sleeps here")),
};

/** For one that waits, and is meant to. */
export const patient: Pick<Opening, "clock" | "pace"> = {
  clock: {
    ...wallClock,
    sleep: async (ms, signal) => {
      await sleep(ms, undefined, { signal });
    },
  },
  pace: () => Promise.resolve(),
};

/** What a provider is opened with besides its settings: it may ask as often as it wants. */
export const unhurried: Pick<Opening, "clock" | "pace"> = {
  clock: wallClock,
  pace: () => Promise.resolve(),
};
