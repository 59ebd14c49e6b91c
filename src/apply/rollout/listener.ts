/** Wakes whoever waits for a container as soon as the engine tells of it. */
import type { Clock, Engine } from "../../model/ports.ts";

export interface Listener extends Disposable {
  /** Resolves after `ms`, or at once when the container ends or its health changes. */
  pause(ms: number, signal: AbortSignal): Promise<void>;
}

/** Not what our own checks in it make it say. */
const TELLING = /^(die|oom|destroy|health_status\b.*)$/;

/** Asks the engine for nothing before the first pause. */
export function listenTo(
  { engine, clock }: { readonly engine: Engine; readonly clock: Clock },
  id: string,
): Listener {
  const end = new AbortController();
  let listening: Promise<void> | undefined;
  let wake = new AbortController();
  const listen = async (): Promise<void> => {
    for await (const { action } of engine.events({ container: id }, end.signal)) {
      if (TELLING.test(action)) wake.abort();
    }
  };
  return {
    async pause(ms, signal) {
      // Whoever hears nothing looks all the same, a little later.
      listening ??= listen().catch(() => undefined);
      try {
        await clock.sleep(ms, AbortSignal.any([signal, wake.signal]));
      } catch (error) {
        signal.throwIfAborted();
        if (!wake.signal.aborted) throw error;
      }
      if (wake.signal.aborted) wake = new AbortController();
    },
    [Symbol.dispose]: () => {
      end.abort();
    },
  };
}
