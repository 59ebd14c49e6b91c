import type { Change, Plan } from "../model/plan.ts";

export interface Totals {
  readonly add: number;
  readonly change: number;
  readonly remove: number;
}

/** As Terraform counts: a replacement is one to add and one to destroy. What is only reported counts as nothing. */
export function countChanges({ changes }: Pick<Plan, "changes">): Totals {
  const real = changes.filter(({ method }) => method !== "none");
  const number = (...actions: readonly Change["action"][]): number =>
    real.filter(({ action }) => actions.includes(action)).length;
  return {
    add: number("create", "replace"),
    change: number("update"),
    remove: number("delete", "replace"),
  };
}
