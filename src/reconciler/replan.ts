import { diff } from "../diff/diff.ts";
import { graded } from "../diff/sealing.ts";
import type { Desired } from "../model/desired.ts";
import type { PlanOptions, PlanWarning } from "../model/plan.ts";
import type { Run } from "./run.ts";

/** What comes of what was seen with these options. What is applied later is graded as the plan says. */
export function replan(seen: Omit<Run, "plan">, options: PlanOptions): Run {
  const desired = graded(seen.desired, seen.observed);
  const found = diff(desired, seen.observed, options);
  const warnings = [...fileWarnings(desired), ...found.warnings];
  return { ...seen, desired, plan: { ...found, warnings } };
}

/** What was read in the files, though it may not be meant: a variable that is not set. */
function fileWarnings({ project }: Desired): readonly PlanWarning[] {
  return project.warnings.map(({ message, position }) => ({
    ...{ code: "compose-file", message, position },
    hint: undefined,
  }));
}
