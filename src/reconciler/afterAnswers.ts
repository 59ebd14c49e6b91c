/** What programs gave may be another than what some of their dependents have, which only shows once they are asked. */
import type { Answers } from "../apply/answers.ts";
import type { Outcome } from "../apply/context.ts";
import type { PlanOptions } from "../model/plan.ts";
import type { Context } from "./context.ts";
import { observe } from "./observe.ts";
import { replan } from "./replan.ts";
import type { ApplySettings, Run } from "./run.ts";

/**
 * The plan for those services alone, with the values still at hand: undefined where all have what was given.
 * Each further round asks a program that was not asked before, so there are only so many.
 */
export async function afterAnswers(
  context: Context,
  run: Run,
  answers: Answers,
  { report }: Pick<ApplySettings, "report">,
  signal: AbortSignal,
): Promise<Run | undefined> {
  const desired = answers.into(run.desired);
  const listing = context.engine.listProject(desired.project.name, signal);
  const observed = await observe(context, desired, listing, signal);
  const seen = { ...run, desired, observed };
  const options = once(run.plan.options);
  const found = replan(seen, options).plan.changes.filter(({ reasons }) =>
    reasons.some(({ code }) => code === "provider_changed"),
  );
  const targets = [...new Set(found.map(({ name }) => `service.${name}`))];
  if (targets.length === 0) return undefined;
  const only = { targets, withDependencies: false, removeOrphans: "none" } as const;
  const next = replan(seen, { ...options, ...only });
  if (next.plan.operations.length === 0) return undefined;
  const whom = found.map(({ address }) => address).join(", ");
  report({ type: "note", message: `What was given is another than before, for: ${whom}` });
  return next;
}

/** What was asked for by the person was done by the plan before. */
function once(options: PlanOptions): PlanOptions {
  const recreate = options.recreate === "never" ? "never" : "diverged";
  const build = options.build === "never" ? "never" : "missing";
  const rest = { replace: [], renewAnonymousVolumes: false, rerun: false, ask: "needed" } as const;
  return { ...options, ...rest, recreate, build, pull: "policy" };
}

/** Both as if they had been one. */
export function joined(a: Outcome, b: Outcome): Outcome {
  return {
    done: [...a.done, ...b.done],
    failed: [...a.failed, ...b.failed],
    skipped: [...a.skipped, ...b.skipped],
    undone: [...a.undone, ...b.undone],
    toRollBack: [...a.toRollBack, ...b.toRollBack],
    added: a.added + b.added,
    changed: a.changed + b.changed,
    destroyed: a.destroyed + b.destroyed,
    rotations: [...a.rotations, ...b.rotations],
    downtimes: [...a.downtimes, ...b.downtimes],
  };
}
