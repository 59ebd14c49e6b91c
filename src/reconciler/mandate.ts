/** What a pass may do without a person: of what it reads, and of what it would change. */
import type { Trace } from "../compose/trace.ts";
import { DsoError } from "../model/errors.ts";
import type { Report } from "../model/events.ts";
import { DEFAULT_PLAN_OPTIONS, type PlanOptions } from "../model/plan.ts";
import { standingAttempts } from "./attempts.ts";
import type { Context } from "./context.ts";
import { leftAlone, type LeftAlone, seenStopped } from "./leave.ts";
import { mend, open, type Opened, replan, type Run } from "./reconcile.ts";
import { rotationTarget } from "./rotate.ts";
import { removesAll } from "./run.ts";
import type { ProjectState } from "./state.ts";
import type { Tracked } from "./tracked.ts";

/** What of this host the services are given, by path. */
export function hostFiles({ desired }: Run): readonly string[] {
  return [...desired.services.values()].flatMap(({ files }) =>
    files.flatMap(({ content }) => (content.kind === "host-file" ? [content.path] : [])),
  );
}

/** The files, or only the secrets of what was last applied. */
export async function openTracked(
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

export function optionsOf({ policy }: Tracked): PlanOptions {
  return { ...DEFAULT_PLAN_OPTIONS, removeOrphans: policy.prune ? "ours" : "none" };
}

/** Without what is left alone; where only secrets are to change, with nothing but these. */
export async function narrowed(
  { state }: Context,
  { name, policy }: Tracked,
  asked: boolean,
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

function idle({ plan: found }: Run): Run["plan"] {
  return { ...found, changes: [], operations: [] };
}

/**
 * A variable that no shell was ever asked for: rolled out, it would be an empty text that nobody has
 * seen. What was not set when a person applied it may be unset still.
 */
export function refuseUnknown({ request }: Tracked, { desired }: Run, { unset }: Trace): void {
  const { warnings } = desired.project;
  const written = warnings.flatMap((warning) => warning.variable ?? []);
  const variable = [...written, ...unset].find((name) => request.variables?.[name] === undefined);
  if (variable === undefined) return;
  const position = warnings.find((warning) => warning.variable === variable)?.position;
  throw new DsoError("compose-invalid", `the variable ${variable} is not set`, {
    hint: `Apply it once from a shell that has it, or write what it is without: \${${variable}:-…}.`,
    ...(position && { position }),
  });
}

/** A file that has lost all of its services is more likely a mistake than a wish. */
export function refuseEmptied({ name }: Tracked, run: Run): void {
  if (!removesAll(run)) return;
  throw new DsoError("approval-missing", `the files of ${name} ask for no container at all`, {
    hint: "That may be a mistake, so nothing is removed: dso apply -allow-empty, or dso down.",
  });
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
