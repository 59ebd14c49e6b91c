/**
 * The loop over one project: load -> observe -> diff -> apply -> report.
 * `plan` stops after `diff`; there is one planner and one executor.
 */
import type { Outcome } from "../apply/context.ts";
import { execute } from "../apply/execute.ts";
import { recover } from "../apply/recovery.ts";
import { diff } from "../diff/diff.ts";
import type { Desired } from "../model/desired.ts";
import type { Report } from "../model/events.ts";
import type { PlanOptions } from "../model/plan.ts";
import { applyContext } from "./applyContext.ts";
import type { Context } from "./context.ts";
import { observe } from "./observe.ts";
import { remember } from "./remember.ts";
import type { ProjectRequest } from "./request.ts";
import type { ApplySettings, Run } from "./run.ts";

export { load } from "./load.ts";
export type { ApplySettings, Run } from "./run.ts";

/** Finishes or undoes what a killed process left, observes and compares. Wants the project's lock. */
export async function plan(
  context: Context,
  request: ProjectRequest,
  desired: Desired,
  options: PlanOptions,
  report: Report,
  signal: AbortSignal,
): Promise<Run> {
  const healthOf = (service: string) => desired.services.get(service)?.policy.health;
  await recover(desired.project.name, { ...context, healthOf }, report, signal);
  const observed = await observe(context, desired, signal);
  return { request, desired, observed, plan: diff(desired, observed, options) };
}

/** Carries the plan out and remembers what came of it. Wants the project's lock. */
export async function apply(
  context: Context,
  run: Run,
  settings: ApplySettings,
  signal: AbortSignal,
): Promise<Outcome> {
  const work = await applyContext(context, run, settings, signal);
  const outcome = await execute(run.plan, work, settings.report, signal);
  await remember(context, run, outcome, settings.remark);
  return outcome;
}
