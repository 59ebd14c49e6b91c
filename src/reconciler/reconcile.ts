/**
 * The loop over one project: load -> observe -> diff -> apply -> report.
 * `plan` stops after `diff`; there is one planner and one executor.
 */
import { isComplete, type Outcome } from "../apply/context.ts";
import { setImmediate } from "node:timers/promises";
import type { Answers } from "../apply/answers.ts";
import { isOpen } from "../apply/journal/journal.ts";
import type { RecoveryTools } from "../apply/recovery/recovery.ts";
import type { Trace } from "../compose/trace.ts";
import type { Desired } from "../model/desired.ts";
import { DsoError } from "../model/errors.ts";
import type { Report } from "../model/events.ts";
import { isJob } from "../model/jobs.ts";
import type { Observed } from "../model/observed.ts";
import type { PlanOptions } from "../model/plan.ts";
import type { ProjectListing } from "../model/ports.ts";
import type { Context } from "./context.ts";
import type { Opened } from "./load.ts";
import { observe, observeClosely } from "./observe.ts";
import { replan } from "./replan.ts";
import type { ProjectRequest } from "./request.ts";
import type { ApplySettings, Run } from "./run.ts";

export { open, type Opened } from "./load.ts";
export { replan } from "./replan.ts";
export type { ApplySettings, Run } from "./run.ts";

/**
 * Loads, observes and compares; what a killed process left is finished or undone
 * in between. Wants the project's lock.
 */
export async function plan(
  context: Context,
  request: ProjectRequest,
  { name, load, trace }: Opened,
  options: PlanOptions,
  report: Report,
  signal: AbortSignal,
): Promise<Run> {
  const list = (): Promise<ProjectListing> => context.engine.listProject(name, signal);
  // The engine lists while the files are read; should those be at fault, they are what is told.
  const early = list();
  early.catch(() => undefined);
  // Only now it is asked.
  await setImmediate();
  const desired = await load(signal).catch(async (error: unknown) => {
    // What is half done is not to wait for whoever mends the files, or for a store to answer.
    if (!signal.aborted) await mend(context, name, report, signal);
    throw error;
  });
  const mended = await mend(context, name, report, signal, desired);
  const look = options.mode === "refresh-only" ? observeClosely : observe;
  const seen = await look(context, desired, mended ? list() : early, signal);
  const newness = await newnessOf(context, desired, seen.images, options, signal);
  const observed = newness === undefined ? seen : { ...seen, newness };
  const variables = trace && asked(trace, request.variables ?? context.environment);
  return replan({ request, variables, desired, observed }, options);
}

/** Registries are asked only where some service is to have the newest image. */
async function newnessOf(
  context: Context,
  desired: Desired,
  images: Observed["images"],
  options: PlanOptions,
  signal: AbortSignal,
): Promise<Observed["newness"]> {
  const named = [...desired.services.values()].some(({ model }) => model.pull_policy !== undefined);
  if (options.mode !== "apply" || !(named || options.pull === "always")) return undefined;
  return (await import("./newness.ts")).askRegistries(context, desired, images, options, signal);
}

/** Of the environment no more than what the files use: the rest is nobody's business later. */
function asked(
  { variables }: Trace,
  environment: Readonly<Record<string, string | null | undefined>>,
): Readonly<Record<string, string | null>> {
  const found = [...variables].sort().map((name): readonly [string, string | null] => {
    const value = Object.hasOwn(environment, name) ? environment[name] : undefined;
    return [name, value ?? null];
  });
  return Object.fromEntries(found);
}

/** What is over is nobody's hurry. */
const GIVE_BACK_MS = 20_000;

/** Carries the plan out and remembers what came of it. Wants the project's lock. */
export async function apply(
  context: Context,
  run: Run,
  settings: ApplySettings,
  signal: AbortSignal,
): Promise<Outcome> {
  // Loaded here: a plan starts faster without.
  const { execute } = await import("../apply/execute.ts");
  const { applyContext } = await import("./applyContext.ts");
  const { remember } = await import("./remember.ts");
  const { openAnswers } = await import("./programs.ts");
  const answers = openAnswers(context, run.desired.project.name);
  const carryOut = async (one: Run): Promise<Outcome> => {
    const work = await applyContext(context, one, settings, signal, answers);
    const outcome = await execute(one.plan, work, settings.report, signal);
    const desired = answers.into(one.desired);
    await remember(context, { ...one, desired }, outcome, settings.remark, settings.force);
    return outcome;
  };
  try {
    const stores = await storesOf(context, run);
    const outcome = await followed(context, run, answers, settings, carryOut, signal);
    const named = new Set([...stores, ...(await storesOf(context, run))]);
    await tidyLeases(context, named, settings);
    return outcome;
  } finally {
    answers.drop();
  }
}

/** Goes on until all have what the programs gave that were asked. */
async function followed(
  context: Context,
  run: Run,
  answers: Answers,
  settings: ApplySettings,
  carryOut: (run: Run) => Promise<Outcome>,
  signal: AbortSignal,
): Promise<Outcome> {
  let outcome = await carryOut(run);
  if (!answers.isAsked) return outcome;
  const { afterAnswers, joined } = await import("./afterAnswers.ts");
  for (let last = run; isComplete(outcome) && !signal.aborted;) {
    const next = await afterAnswers(context, last, answers, settings, signal);
    if (next === undefined) break;
    outcome = joined(outcome, await carryOut(next));
    // Its plan was narrowed to those services; the next one is asked for as the person did.
    last = { ...next, plan: { ...next.plan, options: run.plan.options } };
  }
  return outcome;
}

function issuesLeases({ config }: Context): boolean {
  return [...config.providers.values()].some(({ leased }) => leased);
}

/** Those that issue credentials for a time, and that the project is known to name. */
async function storesOf(context: Context, { desired }: Run): Promise<ReadonlySet<string>> {
  if (!issuesLeases(context)) return new Set();
  const known = await context.state.registered(desired.project.name);
  const named = (known?.secrets ?? []).map((secret) => secret.split(":")[0] ?? "");
  return new Set(named.filter((name) => context.config.providers.get(name)?.leased));
}

/** It may have been the last one that had them. What of it does not succeed is told, and done another time. */
async function tidyLeases(
  context: Context,
  stores: ReadonlySet<string>,
  { force, report }: ApplySettings,
): Promise<void> {
  if (stores.size === 0) return;
  const { giveBackUnused } = await import("./leases.ts");
  const patience = AbortSignal.timeout(GIVE_BACK_MS);
  const within = AbortSignal.any([force, patience]);
  try {
    const { faults } = await giveBackUnused(context, [...stores], within);
    for (const { message } of faults) report({ type: "warning", code: "lease-kept", message });
  } catch (error) {
    if (force.aborted) throw error;
    if (error instanceof DsoError) {
      report({ type: "warning", code: "lease-kept", message: error.message });
    } else if (!patience.aborted) throw error;
  }
}

/**
 * Finishes or undoes what a killed process left, and ends the programs that it did. Answers whether there were
 * changes of containers. Without `desired` each container is judged by its own healthcheck. Wants the
 * project's lock.
 */
export async function mend(
  context: Context,
  project: string,
  report: Report,
  signal: AbortSignal,
  desired?: Desired,
): Promise<boolean> {
  const left = Object.entries(await context.journal.programs(project));
  if (left.length > 0) {
    const { endLeftPrograms } = await import("../apply/recovery/leftPrograms.ts");
    await endLeftPrograms(project, left, context, report, signal);
  }
  if (!(await context.journal.list(project)).some(isOpen)) return false;
  const { recover } = await import("../apply/recovery/recovery.ts");
  return recover(project, recoveryTools(context, desired), report, signal);
}

/** What recovery has to know of the services: how they are judged, and which run to an end. */
function recoveryTools(context: Context, desired: Desired | undefined): RecoveryTools {
  return {
    ...context,
    desired,
    drainMsOf: (name) => desired?.services.get(name)?.policy.drainMs,
    healthOf: (name) => desired?.services.get(name)?.policy.health,
    isForwardOnly: async (versions) => {
      if (!issuesLeases(context)) return false;
      return (await import("./leases.ts")).isForwardOnly(context, versions);
    },
    isJob: (name) => {
      const service = desired?.services.get(name);
      return desired !== undefined && service !== undefined && isJob(desired, service);
    },
  };
}
