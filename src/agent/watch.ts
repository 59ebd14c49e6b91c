/** What a session knows, and what it watches: a change that is heard of becomes a trigger of its queue. */
import { dirname } from "node:path";
import { changedSince, snapshotOf } from "../sources/snapshot.ts";
import { DsoError } from "../model/errors.ts";
import type { Context } from "../reconciler/context.ts";
import { type Cause, PATIENCE_MS } from "../reconciler/pace.ts";
import type { Passed } from "../reconciler/pass.ts";
import type { Queue } from "../reconciler/queue.ts";
import { halfDone } from "../reconciler/halfDone.ts";
import { trackedProjects } from "../reconciler/tracked.ts";
import type { FileWatch } from "../sources/files.ts";
import type { Board } from "./board.ts";
import { fault, type Log } from "./log.ts";

/** Why a session ended. */
export type Ending = "stopped" | "engine-lost" | "config-changed";

export interface Watch {
  readonly context: Context;
  readonly board: Board;
  readonly log: Log;
  /** Aborted once: finish the step, or give it back. */
  readonly signal: AbortSignal;
  readonly force: AbortSignal;
  readonly engineId: string;
  readonly queue: Queue<Passed>;
  readonly files: FileWatch;
  tracked: ReadonlySet<string>;
  /** Not tracked, and left half done by a killed run. */
  halfDone: ReadonlySet<string>;
  /** One look at which projects there are after the other. */
  tracking: Promise<void>;
  /** By project, what it was read from. */
  readonly sources: Map<string, ReadonlySet<string>>;
  /** By project, how often its files were heard of. */
  readonly edits: Map<string, number>;
  /** By project, how often in a row a pass stopped short for that. */
  readonly postponed: Map<string, number>;
  /** While dso.yaml is being edited: since when, by a clock that never jumps, and what ends it. */
  rest: { readonly since: number; readonly timer: NodeJS.Timeout } | undefined;
  /** Hears when what is known of leases has changed. */
  readonly leases: EventTarget;
  readonly end: (ending: Ending) => void;
}

export const STIRRED = "stirred";

/** Watches these, and what is always watched. */
export function watchSources({ context, files, sources }: Watch): Promise<void> {
  const { paths, configPlaces } = context;
  const read = [...sources.values()].flatMap((some) => [...some]);
  return files.watch(new Set([...configPlaces.keys(), paths.vaultFile, paths.stateDir, ...read]));
}

/** A file has changed: which project is that about? */
export function heard(watch: Watch, file: string, background: (work: Promise<void>) => void): void {
  const { context, sources } = watch;
  const { paths, configPlaces } = context;
  if (file === paths.vaultFile) lookAtAll(watch, "secrets");
  if (dirname(file) === paths.stateDir) {
    const [, kind, name] = /\/(project|hold|rotations|leases)-([\w.-]+)\.json$/.exec(file) ?? [];
    if (kind === "project") background(trackNew(watch));
    // Of one that nobody looks after: whoever writes it may be killed, and then it is to be mended.
    if (kind === "rotations" && name !== undefined && !watch.tracked.has(name)) {
      watch.queue.trigger(name, "interval");
    }
    if (kind === "hold" && name !== undefined) edited(watch, name);
    if (kind === "leases") watch.leases.dispatchEvent(new Event(STIRRED));
    return;
  }
  if (configPlaces.has(file) || watch.rest !== undefined) restBeforeEnd(watch);
  for (const [name, read] of sources) if (read.has(file)) edited(watch, name);
}

function edited({ edits, queue }: Watch, name: string): void {
  edits.set(name, (edits.get(name) ?? 0) + 1);
  queue.trigger(name, "files");
}

/** What became of dso.yaml after it was read: before it was watched, or a moment before the system tells of it. */
export function checkConfig(watch: Watch): void {
  if (watch.rest !== undefined) return;
  const { configPlaces } = watch.context;
  const now = snapshotOf(configPlaces.keys());
  if (changedSince(configPlaces, now).length > 0) restBeforeEnd(watch);
}

/** Whoever edits dso.yaml, or checks it out among others, may not be done. */
function restBeforeEnd(watch: Watch): void {
  clearTimeout(watch.rest?.timer);
  const now = performance.now();
  const since = watch.rest?.since ?? now;
  const { debounceWindowMs } = watch.context.config.agent.watch;
  const ms = Math.max(0, Math.min(debounceWindowMs, since + PATIENCE_MS - now));
  watch.rest = { since, timer: setTimeout(() => watch.end("config-changed"), ms) };
}

export function lookAtAll({ tracked, queue }: Watch, cause: Cause): void {
  for (const name of tracked) queue.trigger(name, cause);
}

/** Finds out which projects there are, and has the new ones looked at. */
export function trackNew(watch: Watch): Promise<void> {
  watch.tracking = watch.tracking.then(() => track(watch));
  return watch.tracking;
}

async function track(watch: Watch): Promise<void> {
  const { context, engineId, board, log, sources, edits, postponed, tracked: before } = watch;
  const onFault = (error: DsoError): void => {
    log(fault(error));
  };
  const names = await trackedProjects(context, engineId, onFault).catch((error: unknown) => {
    if (!(error instanceof DsoError)) throw error;
    onFault(error);
    return [...before];
  });
  watch.tracked = new Set(names);
  const { projects } = context.config;
  board.track(names.map((name) => ({ name, declared: projects.has(name) })));
  for (const known of [sources, edits, postponed]) {
    for (const name of known.keys()) if (!watch.tracked.has(name)) known.delete(name);
  }
  const unfinished = await halfDone(context, watch.tracked, onFault);
  for (const name of unfinished) if (!watch.halfDone.has(name)) tellHalfDone(watch, name);
  watch.halfDone = new Set(unfinished);
  for (const name of names) if (!before.has(name)) watch.queue.trigger(name, "start");
}

function tellHalfDone({ log, queue }: Watch, project: string): void {
  const msg = "A change of it has begun, and has not ended; it was never applied to the end";
  log({ level: "info", msg, project, code: "half-done" });
  queue.trigger(project, "start");
}
