import type { Engine } from "../../src/model/ports.ts";
import type { FakeEngine } from "./engine.ts";

export interface SlowStop {
  readonly engine: Engine;
  /** Resolves once it was told to stop a container. */
  readonly heard: Promise<unknown>;
  /** What it is still stopping ends now. */
  graceIsOver(): Promise<void>;
}

/**
 * An engine whose containers take their whole grace period to stop. The first who
 * tells it to is killed meanwhile and never hears of it; who tells it again waits
 * for the end.
 */
export function slowToStop(engine: FakeEngine): SlowStop {
  const never = new AbortController().signal;
  const stopping = new Set<string>();
  const heard = Promise.withResolvers<undefined>();
  return {
    engine: {
      ...engine,
      stopContainer: (id, graceSeconds, signal) => {
        if (stopping.delete(id)) return engine.stopContainer(id, graceSeconds, signal);
        stopping.add(id);
        heard.resolve(undefined);
        return new Promise(() => undefined);
      },
    },
    heard: heard.promise,
    async graceIsOver() {
      for (const id of stopping) await engine.stopContainer(id, undefined, never);
    },
  };
}
