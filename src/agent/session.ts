/** One agent on one engine, for as long as that answers: triggers come in, passes go out. */
import { setTimeout as sleep } from "node:timers/promises";
import { LONGEST_TIMER_MS } from "../model/duration.ts";
import { DsoError } from "../model/errors.ts";
import { COMPOSE } from "../model/labels.ts";
import type { Passed } from "../reconciler/pass.ts";
import { createQueue } from "../reconciler/queue.ts";
import { watchFiles } from "../sources/files.ts";
import { keepLeases } from "./leases.ts";
import type { Log } from "./log.ts";
import { inBackground, run } from "./passes.ts";
import { pollStores } from "./poll.ts";
import {
  checkConfig,
  type Ending,
  heard,
  lookAtAll,
  trackNew,
  type Watch,
  watchSources,
} from "./watch.ts";

export type SessionOptions = Pick<Watch, "context" | "board" | "log" | "signal" | "force">;

/** What happens to containers that a pass could want to know. Not their checks: those come by the second. */
const ACTIONS = ["create", "start", "die", "destroy", "rename", "update", "pause", "unpause"];

/** Rejects with `engine-unreachable` where it does not answer to begin with. */
export async function watchOver(options: SessionOptions): Promise<Ending> {
  const { context, board, signal } = options;
  const { id: engineId } = await context.engine.info(signal);
  const ended = Promise.withResolvers<Ending>();
  const stop = new AbortController();
  const within = AbortSignal.any([signal, stop.signal]);
  const watch = begin(options, engineId, ended.resolve);
  const { queue, files } = watch;
  signal.addEventListener("abort", () => ended.resolve("stopped"), { signal: stop.signal });
  if (signal.aborted) ended.resolve("stopped");
  try {
    // Whatever comes from now on is heard of, before anything is looked at.
    await watchSources(watch);
    checkConfig(watch);
    inBackground(watch, followEngine(watch, within));
    inBackground(watch, lookRegularly(watch, within));
    inBackground(watch, keepLeases(watch, within));
    await trackNew(watch);
    pollStores(watch, within);
    board.open({
      ask: (name, cause) => {
        // Whoever asks means what dso.yaml says now: the next session does it.
        checkConfig(watch);
        if (watch.rest !== undefined) watch.end("config-changed");
        return queue.ask(name, cause);
      },
      dueIn: (name) => queue.dueIn(name),
    });
    return await ended.promise;
  } finally {
    board.close();
    stop.abort();
    // What is at work still says what is to be watched.
    await queue.close();
    clearTimeout(watch.rest?.timer);
    await files.close();
  }
}

function begin(options: SessionOptions, engineId: string, end: Watch["end"]): Watch {
  const { concurrency, watch: pacing } = options.context.config.agent;
  const background = (work: Promise<void>): void => {
    inBackground(watch, work);
  };
  const files = watchFiles(
    (file) => heard(watch, file, background),
    (error) => unwatched(options.log, error),
  );
  const queue = createQueue<Passed>({
    run: (name, causes) => run(watch, name, causes),
    ...{ concurrency, quietMs: pacing.debounceWindowMs, random: Math.random },
  });
  const watch: Watch = {
    ...{ ...options, engineId, queue, files, end, rest: undefined },
    ...{ tracked: new Set(), halfDone: new Set(), tracking: Promise.resolve(), sources: new Map() },
    ...{ edits: new Map(), postponed: new Map(), leases: new EventTarget() },
  };
  return watch;
}

function unwatched(log: Log, error: unknown): void {
  const why = error instanceof Error ? error.message : String(error);
  log({ level: "warn", msg: `A file cannot be watched: ${why}`, code: "not-watched" });
}

/** Containers that come, go or change, of any project; the end of it is the end of the session. */
async function followEngine(watch: Watch, signal: AbortSignal): Promise<void> {
  const { context, board, queue } = watch;
  const since = board.lastEvent;
  const options = { labels: [COMPOSE.project], actions: ACTIONS, ...(since && { since }) };
  try {
    for await (const { attributes, timeNano } of context.engine.events(options, signal)) {
      board.lastEvent = timeNano;
      const name = attributes[COMPOSE.project];
      if (name !== undefined && watch.tracked.has(name)) queue.trigger(name, "engine");
    }
  } catch (error) {
    if (!(error instanceof DsoError)) throw error;
  }
  if (!signal.aborted) watch.end("engine-lost");
}

/** What nobody tells of is found by looking: a network that was changed, a version at a store. */
async function lookRegularly(watch: Watch, signal: AbortSignal): Promise<void> {
  const { pollingIntervalMs } = watch.context.config.agent.watch;
  for (;;) {
    // Not all agents of a fleet at the same second.
    const pause = Math.min(pollingIntervalMs * (0.9 + 0.2 * Math.random()), LONGEST_TIMER_MS);
    if (await sleep(pause, false, { signal }).catch(() => true)) return;
    await trackNew(watch);
    lookAtAll(watch, "interval");
  }
}
