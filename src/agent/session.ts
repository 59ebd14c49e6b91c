/** One agent on one engine, for as long as that answers: triggers come in, passes go out. */
import { setTimeout as sleep } from "node:timers/promises";
import { dirname } from "node:path";
import { DsoError } from "../model/errors.ts";
import { COMPOSE } from "../model/labels.ts";
import type { Context } from "../reconciler/context.ts";
import type { Cause } from "../reconciler/pace.ts";
import { pass, type Passed } from "../reconciler/pass.ts";
import { createQueue, type Queue } from "../reconciler/queue.ts";
import { trackedProjects } from "../reconciler/tracked.ts";
import { type FileWatch, watchFiles } from "../sources/files.ts";
import { type Board, reconciledOf } from "./board.ts";
import { fault, type Log, recordOf } from "./log.ts";

export interface SessionOptions {
  readonly context: Context;
  readonly board: Board;
  readonly log: Log;
  /** Aborted once: finish the step, or give it back. */
  readonly signal: AbortSignal;
  readonly force: AbortSignal;
}

/** Why it ended. */
export type Ending = "stopped" | "engine-lost" | "config-changed";

interface Watch extends SessionOptions {
  readonly engineId: string;
  readonly queue: Queue<Passed>;
  readonly files: FileWatch;
  tracked: ReadonlySet<string>;
  /** By project, what it was read from. */
  readonly sources: Map<string, ReadonlySet<string>>;
  readonly end: (ending: Ending) => void;
}

/** What happens to containers that a pass could want to know. Not their checks: those come by the second. */
const ACTIONS = ["create", "start", "die", "destroy", "rename", "update", "pause", "unpause"];
const PARALLELISM = 4;

/** Rejects with `engine-unreachable` where it does not answer to begin with. */
export async function watchOver(options: SessionOptions): Promise<Ending> {
  const { context, board, signal } = options;
  const { id: engineId } = await context.engine.info(signal);
  const ended = Promise.withResolvers<Ending>();
  const stop = new AbortController();
  const within = AbortSignal.any([signal, stop.signal]);
  const watch = begin(options, engineId, ended.resolve);
  signal.addEventListener("abort", () => ended.resolve("stopped"), { signal: stop.signal });
  if (signal.aborted) ended.resolve("stopped");
  try {
    // Whatever comes from now on is heard of, before anything is looked at.
    await watchSources(watch);
    await track(watch);
    void followEngine(watch, within);
    void lookRegularly(watch, within);
    board.open({ ask: (name) => watch.queue.ask(name), dueIn: (name) => watch.queue.dueIn(name) });
    lookAtAll(watch, "start");
    return await ended.promise;
  } finally {
    board.close();
    stop.abort();
    // What is at work still says what is to be watched.
    await watch.queue.close();
    await watch.files.close();
  }
}

function begin(options: SessionOptions, engineId: string, end: Watch["end"]): Watch {
  const { concurrency, watch: pacing } = options.context.config.agent;
  const files = watchFiles(
    (file) => heard(watch, file),
    (error) => unwatched(options.log, error),
  );
  const queue = createQueue<Passed>({
    run: (name, causes) => run(watch, name, causes),
    ...{ concurrency, quietMs: pacing.debounceWindowMs, random: Math.random },
  });
  const watch: Watch = {
    ...{ ...options, engineId, queue, files, end },
    ...{ tracked: new Set(), sources: new Map() },
  };
  return watch;
}

function unwatched(log: Log, error: unknown): void {
  const why = error instanceof Error ? error.message : String(error);
  log({ level: "warn", msg: `A file cannot be watched: ${why}`, code: "not-watched" });
}

/** A file has changed: which project is that about? */
function heard(watch: Watch, file: string): void {
  const { context, sources, queue } = watch;
  const { paths, configPlaces } = context;
  if (configPlaces.includes(file)) {
    watch.end("config-changed");
    return;
  }
  if (file === paths.vaultFile) {
    lookAtAll(watch, "secrets");
    return;
  }
  if (dirname(file) === paths.stateDir) {
    const [, kind, name] = /\/(project|hold)-([a-z0-9_-]+)\.json$/.exec(file) ?? [];
    if (kind === "project") void trackNew(watch);
    if (kind === "hold" && name !== undefined) queue.trigger(name, "files");
    return;
  }
  for (const [name, read] of sources) if (read.has(file)) queue.trigger(name, "files");
}

/** Finds out which projects there are. Answers those that were not there before. */
async function track(watch: Watch): Promise<readonly string[]> {
  const { context, engineId, board, log, sources, tracked: before } = watch;
  try {
    watch.tracked = new Set(await trackedProjects(context, engineId));
  } catch (error) {
    if (!(error instanceof DsoError)) throw error;
    log(fault(error));
  }
  const names = [...watch.tracked];
  board.track(names);
  for (const name of sources.keys()) if (!watch.tracked.has(name)) sources.delete(name);
  return names.filter((name) => !before.has(name));
}

async function trackNew(watch: Watch): Promise<void> {
  for (const name of await track(watch)) watch.queue.trigger(name, "start");
}

function lookAtAll({ tracked, queue }: Watch, cause: Cause): void {
  for (const name of tracked) queue.trigger(name, cause);
}

function watchSources({ context, files, sources }: Watch): Promise<void> {
  const { paths, configPlaces } = context;
  const read = [...sources.values()].flatMap((some) => [...some]);
  return files.watch(new Set([...configPlaces, paths.vaultFile, paths.stateDir, ...read]));
}

async function run(watch: Watch, name: string, causes: ReadonlySet<Cause>): Promise<Passed> {
  const { context, engineId, board, log, signal, force } = watch;
  const tell: Log = (record) => {
    log(record);
    board.tell(name, record);
  };
  const begun = performance.now();
  const passed = await pass(
    context,
    name,
    {
      ...{ engineId, asked: causes.has("asked"), parallelism: PARALLELISM, force },
      report: (event) => {
        const record = recordOf(name, event);
        if (record !== undefined) tell(record);
      },
    },
    signal,
  );
  await read(watch, name, passed.trace.files);
  if (passed.outcome === "gone") await track(watch);
  report(tell, name, [...causes], passed, performance.now() - begun);
  board.note(name, { ...reconciledOf(passed), at: new Date(context.clock.now()).toISOString() });
  return passed;
}

/** Watches what the project was read from. What changed before the watch stood is looked at once more. */
async function read(watch: Watch, name: string, files: ReadonlySet<string>): Promise<void> {
  const before = watch.sources.get(name);
  watch.sources.set(name, files);
  await watchSources(watch);
  const isNew = [...files].some((file) => before?.has(file) !== true);
  if (isNew) watch.queue.trigger(name, "files");
}

function report(
  tell: Log,
  project: string,
  causes: readonly Cause[],
  { outcome, summary, error, left }: Passed,
  ms: number,
): void {
  const about = { project, causes, duration_ms: Math.round(ms) };
  const quiet = { level: "debug", msg: `Looked: ${summary}` } as const;
  const done = { level: "info", msg: `Reconciled: ${summary}` } as const;
  const said = error === undefined ? (outcome === "worked" ? done : quiet) : fault(error);
  tell({ ...said, ...about });
  for (const { address, why } of left) {
    tell({ level: "debug", msg: `Left alone: ${why}`, project, address });
  }
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
    const pause = pollingIntervalMs * (0.9 + 0.2 * Math.random());
    if (await sleep(pause, false, { signal }).catch(() => true)) return;
    await track(watch);
    lookAtAll(watch, "interval");
  }
}
