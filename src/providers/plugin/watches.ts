/** Who waits for changes that a plugin tells by itself. */
import { abortable } from "../../lib/together.ts";
import { DsoError } from "../../model/errors.ts";
import type { Clock } from "../../model/ports.ts";
import { faultOf } from "./faults.ts";
import type { Restarts } from "./restarts.ts";
import type { Session } from "./session.ts";

export interface Watches {
  readonly changed: (path: string) => void;
  /**
   * Until the signal aborts, over all restarts; after one each path counts as changed. Resolves at once where
   * the plugin tells no changes. Rejects with what only a person can correct.
   */
  readonly watch: (
    paths: readonly string[],
    changed: (path: string) => void,
    signal: AbortSignal,
  ) => Promise<void>;
}

/** Between two tries, where nothing else says how long; and for so long what is said again is folded. */
const PAUSE_MS = 1000;

interface Watcher {
  readonly paths: ReadonlySet<string>;
  readonly changed: (path: string) => void;
}

export function createWatches(
  provider: string,
  restarts: Restarts,
  clock: Pick<Clock, "sleep">,
): Watches {
  const watchers = new Set<Watcher>();
  const follow = async (watcher: Watcher, signal: AbortSignal): Promise<void> => {
    for (let wasLost = false; !restarts.isClosed(); wasLost = true) {
      if (wasLost) await clock.sleep(Math.max(restarts.waitMs(), PAUSE_MS), signal);
      try {
        const session = await restarts.current(signal);
        if (!session.watches) return;
        await subscribe(provider, session, watchers, signal);
        if (wasLost) for (const path of watcher.paths) watcher.changed(path);
        await abortable(session.ended, signal);
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof DsoError) || error.code === "config-invalid") throw error;
      }
    }
  };
  return {
    changed(path) {
      for (const watcher of watchers) if (watcher.paths.has(path)) watcher.changed(path);
    },
    async watch(paths, changed, signal) {
      const watcher = { paths: new Set(paths), changed: folded(changed, clock, signal) };
      watchers.add(watcher);
      try {
        await follow(watcher, signal);
      } finally {
        watchers.delete(watcher);
      }
    },
  };
}

/** At once, but each path once in a second, however often it is said. */
function folded(
  changed: (path: string) => void,
  clock: Pick<Clock, "sleep">,
  signal: AbortSignal,
): (path: string) => void {
  const untold = new Set<string>();
  let isTelling = false;
  const tell = async (): Promise<void> => {
    isTelling = true;
    while (untold.size > 0) {
      const paths = [...untold];
      untold.clear();
      for (const path of paths) changed(path);
      await clock.sleep(PAUSE_MS, signal);
    }
    isTelling = false;
  };
  return (path) => {
    untold.add(path);
    if (isTelling) return;
    tell().catch((error: unknown) => {
      if (!signal.aborted) throw error;
    });
  };
}

async function subscribe(
  provider: string,
  session: Session,
  watchers: ReadonlySet<Watcher>,
  signal: AbortSignal,
): Promise<void> {
  const all = new Set([...watchers].flatMap(({ paths }) => [...paths]));
  const reply = await session.call("watch", { paths: [...all].sort() }, signal);
  if ("error" in reply) throw faultOf(reply.error, { provider, clean: session.words.clean });
}
