import type { AttributeChange, Change, Plan } from "../model/plan.ts";
import { PRIVATE } from "./secretAttributes.ts";

/** The plan without private text, for every place but the terminal of the person who asked. */
export function redactPlan(plan: Plan): Plan {
  return {
    ...plan,
    changes: plan.changes.map(redactChange),
    drift: plan.drift.map(redactChange),
  };
}

function redactChange(change: Change): Change {
  return { ...change, attributes: change.attributes.map(redactAttribute) };
}

/** Whether it was there stays known. */
function redactAttribute(attribute: AttributeChange): AttributeChange {
  if (attribute.shown !== "private") return attribute;
  return {
    ...attribute,
    before: attribute.before === undefined ? undefined : PRIVATE,
    after: attribute.after === undefined ? undefined : PRIVATE,
  };
}
