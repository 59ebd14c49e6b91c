/** One pass over one project without a person: load -> observe -> diff -> apply -> report. */
import { isComplete, type Outcome as Applied } from "../apply/context.ts";
import { newTrace, type Trace } from "../compose/trace.ts";
import { DsoError } from "../model/errors.ts";
import type { Report } from "../model/events.ts";
import type { Context } from "./context.ts";
import { mendHalfDone } from "./halfDone.ts";
import { type LeftAlone, servedAgain } from "./leave.ts";
import {
  hostFiles,
  narrowed,
  openTracked,
  optionsOf,
  refuseEmptied,
  refuseUnknown,
} from "./mandate.ts";
import { afterNews, hasNews } from "./news.ts";
import type { Outcome } from "./pace.ts";
import { AGENT, withProjectLock } from "./lock.ts";
import { apply, mend, plan, type Run } from "./reconcile.ts";
import { toSettle } from "./settle.ts";
import { type Tracked, trackedProject } from "./tracked.ts";

export interface PassSettings {
  /** The engine's own id: a project that was applied to another one is none of this pass's business. */
  readonly engineId: string;
  /** A person asked: what failed is tried once more. */
  readonly asked: boolean;
  /** Somebody waits for it: the stores are asked, whatever is remembered of them. */
  readonly fresh: boolean;
  /** Asked as the pass begins; the answer tells later whether files are being edited since. */
  readonly watchEdits: () => () => boolean;
  readonly parallelism: number;
  /** Aborts when somebody insists: stop now, recover later. */
  readonly force: AbortSignal;
  readonly report: Report;
}

export interface Passed {
  readonly outcome: Outcome;
  /** For people: `3 added, 0 changed, 1 destroyed`, `nothing to do`, or what went wrong. */
  readonly summary: string;
  readonly error: DsoError | undefined;
  readonly left: readonly LeftAlone[];
  /** What the project was read from, for whoever watches it; also where that failed. */
  readonly trace: Trace;
}

/** A person's command is waited for that long; then the project is looked at later. */
const LOCK_MS = 30_000;
const IDLE = "nothing to do";
const MENDED = "what was half done is put right; the rest waits for dso apply";

/**
 * Looks at the project of that name as it is once its lock is held: whoever had it may have taken the
 * project down. What hinders the pass as a whole is in the answer.
 */
export async function pass(
  context: Context,
  name: string,
  settings: PassSettings,
  signal: AbortSignal,
): Promise<Passed> {
  const trace = newTrace();
  let isTracked = true;
  try {
    isTracked = (await trackedProject(context, settings.engineId, name)) !== undefined;
    // What is not to be rolled out is not urgent either: whoever is at work on it goes on in peace.
    const timeoutMs = isTracked ? LOCK_MS : 0;
    const lock = { operation: AGENT, timeoutMs, report: settings.report };
    return await withProjectLock(
      ...([context, name, lock] as const),
      (locked) => reconcile(context, name, settings, trace, locked),
      signal,
    );
  } catch (error) {
    if (!(error instanceof DsoError)) throw error;
    const outcome = error.code === "locked" ? "busy" : "failed";
    // A first apply that takes its time is nothing to tell again and again.
    const told = outcome === "busy" && !isTracked ? undefined : error;
    return { outcome, summary: error.message, error: told, left: [], trace };
  }
}

async function reconcile(
  context: Context,
  name: string,
  settings: PassSettings,
  trace: Trace,
  signal: AbortSignal,
): Promise<Passed> {
  const { report } = settings;
  const quiet = (summary: string, left: readonly LeftAlone[] = []): Passed => {
    return { outcome: "quiet", summary, error: undefined, left, trace };
  };
  const tracked = await trackedProject(context, settings.engineId, name);
  if (tracked === undefined) {
    const isMended = await mendHalfDone(context, name, report, signal);
    return { ...quiet(isMended ? MENDED : "taken down"), outcome: isMended ? "worked" : "gone" };
  }
  if ((await context.state.hold(name)) !== undefined) {
    await mend(context, name, report, signal);
    return quiet("held");
  }
  const isEdited = settings.watchEdits();
  const seen = await look(context, tracked, settings, trace, signal);
  for (const file of hostFiles(seen)) trace.files.add(file);
  refuseUnknown(tracked, seen, trace);
  const { run, left } = await narrowed(context, tracked, settings.asked, seen);
  const { changes } = run.plan;
  if (tracked.policy.apply === "none") {
    return quiet(changes.length === 0 ? IDLE : `out of sync: ${changes.length} to change`);
  }
  refuseEmptied(tracked, run);
  // Meanwhile somebody may have said something else.
  if ((await context.state.hold(name)) !== undefined) return quiet("held");
  if (isEdited()) return { ...quiet("edited meanwhile", left), outcome: "busy" };
  const passed = (await isIdle(context, tracked, run))
    ? quiet(IDLE, left)
    : { ...(await carryOut(context, run, settings, signal)), left, trace };
  if (tracked.policy.apply === "secrets") return passed;
  return restoreDown(context, run, passed, settings, signal);
}

/** What should be and what is. */
async function look(
  context: Context,
  tracked: Tracked,
  { report, fresh }: PassSettings,
  trace: Trace,
  signal: AbortSignal,
): Promise<Run> {
  const found = await openTracked(context, tracked, trace, report, signal);
  const opened = fresh ? afterNews(context, tracked, found) : found;
  const compare = (): Promise<Run> =>
    plan(context, tracked.request, opened, optionsOf(tracked), report, signal);
  const seen = await compare();
  return (await hasNews(context, seen, signal)) ? compare() : seen;
}

/** There is nothing to do, nor to note. */
async function isIdle(context: Context, { registered }: Tracked, run: Run): Promise<boolean> {
  if (run.plan.operations.length > 0 || registered === undefined) return false;
  return (await toSettle(context, run)).length === 0;
}

/** Applies it, and takes back what the files say is to be taken back. */
async function carryOut(
  context: Context,
  run: Run,
  settings: PassSettings,
  signal: AbortSignal,
): Promise<Concluded> {
  const outcome = await apply(context, run, settings, signal);
  if (outcome.toRollBack.length > 0) {
    const { rollBackUpdates } = await import("./failedUpdates.ts");
    await rollBackUpdates(context, run, outcome, settings, signal);
  }
  return concluded(outcome);
}

/** A service that is left alone is to serve as it did before. */
async function restoreDown(
  context: Context,
  run: Run,
  passed: Passed,
  settings: PassSettings,
  signal: AbortSignal,
): Promise<Passed> {
  const down = passed.left.flatMap((one) => (one.down ? one.address.replace("service.", "") : []));
  if (down.length === 0 || signal.aborted) return passed;
  const { restoreGone } = await import("./restoreGone.ts");
  try {
    const restored = await restoreGone(context, run, down, settings, signal);
    if (restored === undefined) return passed;
    const ended = concluded(restored.outcome);
    const isBack = ({ address }: LeftAlone): boolean =>
      ended.outcome === "worked" && restored.services.includes(address.replace("service.", ""));
    const left = passed.left.map((one) => (isBack(one) ? servedAgain(one) : one));
    return passed.outcome === "failed" ? { ...passed, left } : { ...passed, ...ended, left };
  } catch (error) {
    if (!(error instanceof DsoError)) throw error;
    if (passed.outcome === "failed") return passed;
    return { ...passed, outcome: "failed", summary: error.message, error };
  }
}

type Concluded = Omit<Passed, "left" | "trace">;

function concluded(outcome: Applied): Concluded {
  const { added, changed, destroyed, failed } = outcome;
  const summary = `${added} added, ${changed} changed, ${destroyed} destroyed`;
  const error = failed[0]?.error;
  if (error !== undefined) return { outcome: "failed", summary: error.message, error };
  if (isComplete(outcome)) return { outcome: "worked", summary, error: undefined };
  return { outcome: "failed", summary: `interrupted: ${summary}`, error: undefined };
}
