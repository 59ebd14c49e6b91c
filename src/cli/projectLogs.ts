import type { Scrubber } from "../apply/scrub.ts";
import { COMPOSE } from "../model/labels.ts";
import type { ObservedContainer } from "../model/observed.ts";
import type { Engine } from "../model/ports.ts";
import { type LogOptions, streamLogs } from "./logStream.ts";
import type { Session } from "./session.ts";

/** Whose logs are shown. */
export interface LogSource {
  readonly engine: Engine;
  readonly chosen: (container: ObservedContainer) => boolean;
  /** Knows the values that these may print: a replacement has newer ones than its predecessor. */
  readonly scrubberFor: (containers: readonly ObservedContainer[]) => Promise<Scrubber>;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** Prints what the project's chosen containers have printed. */
export async function showLogs(
  source: LogSource,
  options: LogOptions,
  session: Session,
  signal: AbortSignal,
): Promise<void> {
  await showOnce(source, await list(source, options, signal), options, session, signal);
}

/**
 * Prints what the project's chosen containers print, and what those print that are started
 * meanwhile, in place of one of them or once more. Ends when none of them runs or waits to be
 * started, or when the signal aborts.
 */
export async function followLogs(
  source: LogSource,
  options: LogOptions,
  session: Session,
  signal: AbortSignal,
): Promise<void> {
  const over = new AbortController();
  const stop = AbortSignal.any([signal, over.signal]);
  const failure = Promise.withResolvers<never>();
  const shown = new Set<string>();
  const endIfQuiet = async (): Promise<void> => {
    if (shown.size === 0 && !(await list(source, options, stop)).some(mayPrint)) over.abort();
  };
  const ended = (id: string): void => {
    shown.delete(id);
    endIfQuiet().catch(failure.reject);
  };
  const show = (containers: readonly ObservedContainer[], from: LogOptions): void => {
    for (const { id } of containers) shown.add(id);
    showOnce(source, containers, { ...from, ended }, session, stop).catch(failure.reject);
  };
  try {
    const following = showAll(source, options, { shown, show, endIfQuiet }, stop);
    await Promise.race([following, failure.promise]);
  } catch (error) {
    // Once all is over, what was still being asked is cut off.
    if (!over.signal.aborted) throw error;
  } finally {
    over.abort();
  }
}

interface Showing {
  /** Ids of containers whose logs are being printed. */
  readonly shown: ReadonlySet<string>;
  readonly show: (containers: readonly ObservedContainer[], from: LogOptions) => void;
  readonly endIfQuiet: () => Promise<void>;
}

async function showAll(
  source: LogSource,
  options: LogOptions,
  { shown, show, endIfQuiet }: Showing,
  signal: AbortSignal,
): Promise<void> {
  // Whatever starts while the list is on its way is told by an event.
  const since = source.now();
  const first = await list(source, options, signal);
  const known = new Map(first.map(({ id }) => [id, source.now()]));
  show(first, options);
  for await (const { action, id, at } of changes(source, options, since, signal)) {
    if (action !== "start") await endIfQuiet();
    else if (!shown.has(id) && at >= (known.get(id) ?? 0)) {
      const started = (await list(source, options, signal)).filter((one) => one.id === id);
      // Of one that was shown before, what it has printed since it was started again.
      const from = { ...options, tail: undefined, since: known.has(id) ? at / 1000 : undefined };
      known.set(id, at);
      if (started.length > 0) show(started, from);
    }
  }
}

/** Containers that start or end; `at` in milliseconds since the epoch. */
async function* changes(
  { engine }: LogSource,
  { project }: LogOptions,
  since: number,
  signal: AbortSignal,
): AsyncGenerator<{ readonly action: string; readonly id: string; readonly at: number }> {
  const labels = [`${COMPOSE.project}=${project}`];
  for await (const event of engine.events({ since: `${since}000000`, labels }, signal)) {
    const { type, action, id, timeNano } = event;
    if (type !== "container" || !["start", "die", "destroy"].includes(action)) continue;
    yield { action, id, at: Number(timeNano) / 1e6 };
  }
}

async function showOnce(
  source: LogSource,
  containers: readonly ObservedContainer[],
  options: LogOptions,
  session: Session,
  signal: AbortSignal,
): Promise<void> {
  const scrubber = await source.scrubberFor(containers);
  try {
    await streamLogs(source.engine, containers, options, scrubber, session, signal);
  } finally {
    scrubber.drop();
  }
}

async function list(
  { engine, chosen }: LogSource,
  { project }: LogOptions,
  signal: AbortSignal,
): Promise<readonly ObservedContainer[]> {
  return (await engine.listProject(project, signal)).containers.filter(chosen);
}

function mayPrint({ state }: ObservedContainer): boolean {
  return state !== "exited" && state !== "dead" && state !== "removing";
}
