import type { Operation, Plan } from "../model/plan.ts";

/** One line per operation: `[1,2] -> #3 container.web[1] create-container (created)`. */
export function planText(plan: Plan): string {
  return plan.operations.map(operationText).join("\n");
}

function operationText(operation: Operation): string {
  const { id, after, address, kind, why } = operation;
  const waits = after.length === 0 ? "" : `[${after.join(",")}] -> `;
  return `${waits}#${id} ${address} ${kind} (${why})`;
}
