import type { Desired } from "../model/desired.ts";
import type { Observed } from "../model/observed.ts";
import { DEFAULT_PLAN_OPTIONS } from "../model/plan.ts";
import { isOurs } from "./before.ts";
import { only } from "./decision.ts";
import { decideServices } from "./services.ts";
import { survey } from "./situation.ts";

/**
 * Ids of the containers that have to be inspected before the plan can say what
 * changes: those that others made and that are to be replaced. Sorted.
 */
export function needsDetail(desired: Desired, observed: Observed): readonly string[] {
  if (observed.containers.every(isOurs)) return [];
  const situation = survey(desired, observed, DEFAULT_PLAN_OPTIONS);
  return decideServices(situation)
    .flatMap((decision) => only(decision, "replace"))
    .filter(({ instance }) => !isOurs(instance.container))
    .map(({ instance }) => instance.container.id)
    .sort();
}
