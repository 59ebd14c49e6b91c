/**
 * The loop over one project: load -> observe -> diff -> apply -> report.
 * `plan` stops after `diff`; there is one planner and one executor.
 */
import type { Outcome } from "../apply/context.ts";
import { execute } from "../apply/execute.ts";
import { recover, type RecoveryTools } from "../apply/recovery/recovery.ts";
import { diff } from "../diff/diff.ts";
import type { Desired } from "../model/desired.ts";
import type { Report } from "../model/events.ts";
import { isJob } from "../model/jobs.ts";
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
  await recover(desired.project.name, recoveryTools(context, desired), report, signal);
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

/** What recovery has to know of the services: how they are judged, and which run to an end. */
function recoveryTools(context: Context, desired: Desired): RecoveryTools {
  return {
    ...context,
    healthOf: (name) => desired.services.get(name)?.policy.health,
    isJob: (name) => {
      const service = desired.services.get(name);
      return service !== undefined && isJob(desired, service);
    },
  };
}
