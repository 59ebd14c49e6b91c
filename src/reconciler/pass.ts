/** One pass over one project without a person: load -> observe -> diff -> apply -> report. */
import { isComplete, type Outcome as Applied } from "../apply/context.ts";
import { newTrace, type Trace } from "../compose/trace.ts";
import { DsoError } from "../model/errors.ts";
import type { Report } from "../model/events.ts";
import { DEFAULT_PLAN_OPTIONS, type PlanOptions } from "../model/plan.ts";
import { standingAttempts } from "./attempts.ts";
import type { Context } from "./context.ts";
import { leftAlone, type LeftAlone, seenStopped, servedAgain } from "./leave.ts";
import type { Outcome } from "./pace.ts";
import { AGENT, withProjectLock } from "./lock.ts";
import { apply, mend, open, type Opened, plan, replan, type Run } from "./reconcile.ts";
import { rotationTarget } from "./rotate.ts";
import { removesAll } from "./run.ts";
import type { ProjectState } from "./state.ts";
import { type Tracked, trackedProject } from "./tracked.ts";

export interface PassSettings {
  /** The engine's own id: a project that was applied to another one is none of this pass's business. */
  readonly engineId: string;
  /** A person asked: what failed is tried once more. */
  readonly asked: boolean;
  /** Whether a file of the project has changed since the pass began. */
  readonly edited: () => boolean;
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
  const lock = { operation: AGENT, timeoutMs: LOCK_MS, report: settings.report };
  try {
    return await withProjectLock(
      ...([context, name, lock] as const),
      (locked) => reconcile(context, name, settings, trace, locked),
      signal,
    );
  } catch (error) {
    if (!(error instanceof DsoError)) throw error;
    const outcome = error.code === "locked" ? "busy" : "failed";
    return { outcome, summary: error.message, error, left: [], trace };
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
  if (tracked === undefined) return { ...quiet("taken down"), outcome: "gone" };
  if ((await context.state.hold(name)) !== undefined) {
    await mend(context, name, report, signal);
    return quiet("held");
  }
  const opened = await openTracked(context, tracked, trace, report, signal);
  const options = optionsOf(tracked);
  const seen = await plan(context, tracked.request, opened, options, report, signal);
  for (const file of hostFiles(seen)) trace.files.add(file);
  refuseUnknown(tracked, seen);
  const { run, left } = await narrowed(context, tracked, settings, seen);
  const { changes, operations } = run.plan;
  if (tracked.policy.apply === "none") {
    return quiet(
      changes.length === 0 ? "nothing to do" : `out of sync: ${changes.length} to change`,
    );
  }
  if (removesAll(run)) throw emptied(tracked);
  // Meanwhile somebody may have said something else.
  if ((await context.state.hold(name)) !== undefined) return quiet("held");
  if (settings.edited()) return quiet("edited meanwhile", left);
  const isIdle = operations.length === 0 && tracked.registered !== undefined;
  const passed = isIdle
    ? quiet("nothing to do", left)
    : { ...(await carryOut(context, run, settings, signal)), left, trace };
  if (tracked.policy.apply === "secrets") return passed;
  return restoreDown(context, run, passed, settings, signal);
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

/** What of this host the services are given, by path. */
function hostFiles({ desired }: Run): readonly string[] {
  return [...desired.services.values()].flatMap(({ files }) =>
    files.flatMap(({ content }) => (content.kind === "host-file" ? [content.path] : [])),
  );
}

/** The files, or only the secrets of what was last applied. */
async function openTracked(
  context: Context,
  { name, request, registered, policy }: Tracked,
  trace: Trace,
  report: Report,
  signal: AbortSignal,
): Promise<Opened> {
  if (policy.apply === "secrets" && registered !== undefined) {
    const load = async (during: AbortSignal) =>
      (await rotationTarget(context, registered, during)).desired;
    return { name, load, trace: undefined };
  }
  try {
    return await open(context, request, signal, trace);
  } catch (error) {
    if (!signal.aborted) await mend(context, name, report, signal);
    throw error;
  }
}

function optionsOf({ policy }: Tracked): PlanOptions {
  return { ...DEFAULT_PLAN_OPTIONS, removeOrphans: policy.prune ? "ours" : "none" };
}

/** Without what is left alone; where only secrets are to change, with nothing but these. */
async function narrowed(
  { state }: Context,
  { name, policy }: Tracked,
  { asked }: PassSettings,
  seen: Run,
): Promise<{ readonly run: Run; readonly left: readonly LeftAlone[] }> {
  const ledger = await state.attempts(name);
  const standing = standingAttempts(seen, ledger);
  // Something has changed since: should it be as it was again, that is another try.
  if (standing.length < ledger.length) await state.setAttempts(name, standing);
  const stopped = await rememberStopped(state, seen);
  const left = leftAlone(seen, asked ? [] : standing, new Set(stopped));
  const excludes = left.map(({ address }) => address);
  const { options } = seen.plan;
  if (policy.apply !== "secrets") {
    return { run: excludes.length === 0 ? seen : replan(seen, { ...options, excludes }), left };
  }
  const rotated = seen.plan.changes.filter(({ kind, reasons }) => {
    return kind === "container" && reasons.some(({ code }) => code === "secret_rotated");
  });
  const targets = [...new Set(rotated.map(({ name: service }) => `service.${service}`))];
  const only = { targets, excludes, withDependencies: false, removeOrphans: "none" } as const;
  const run = replan(seen, { ...options, ...only });
  // Without a target everything would be one.
  return { run: targets.length > 0 ? run : { ...run, plan: idle(run) }, left };
}

/** Written only where it changes: a pass with nothing to do writes nothing. */
async function rememberStopped(state: ProjectState, seen: Run): Promise<readonly string[]> {
  const registered = await state.registered(seen.desired.project.name);
  const before = registered?.stopped ?? [];
  const stopped = seenStopped(seen, before);
  if (registered !== undefined && stopped.join() !== before.join()) {
    await state.register({ ...registered, stopped });
  }
  return stopped;
}

function idle({ plan: found }: Run): Run["plan"] {
  return { ...found, changes: [], operations: [] };
}

/**
 * A variable that no shell was ever asked for: rolled out, it would be an empty text that nobody has
 * seen. What was not set when a person applied it may be unset still.
 */
function refuseUnknown({ request }: Tracked, { desired }: Run): void {
  const unset = desired.project.warnings.find(({ variable }) => {
    return variable !== undefined && request.variables?.[variable] === undefined;
  });
  if (unset?.variable === undefined) return;
  const { variable, position } = unset;
  throw new DsoError("compose-invalid", `the variable ${variable} is not set`, {
    hint: `Apply it once from a shell that has it, or write what it is without: \${${variable}:-…}.`,
    ...(position && { position }),
  });
}

function emptied({ name }: Tracked): DsoError {
  return new DsoError("approval-missing", `the files of ${name} ask for no container at all`, {
    hint: "That may be a mistake, so nothing is removed: dso apply -allow-empty, or dso down.",
  });
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
