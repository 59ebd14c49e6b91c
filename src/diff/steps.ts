/** The small things that put right a container that stays. */
import type { Reason } from "../model/plan.ts";
import type { DecisionOf, Step } from "./decision.ts";
import type { Graph } from "./graph.ts";
import { containerAddress } from "./inventory.ts";
import { reasonsText } from "./reasons.ts";

/** Returns the id of the last step. */
export function addSteps(
  graph: Graph,
  { instance, repairs }: DecisionOf<"update">,
  after: readonly number[],
): readonly number[] {
  return repairs.reduce<readonly number[]>(
    (before, { step, reason }) =>
      step === undefined ? before : [addStep(graph, instance, step, reason, before)],
    after,
  );
}

function addStep(
  graph: Graph,
  { service, number, container }: DecisionOf<"update">["instance"],
  step: Step,
  reason: Reason,
  after: readonly number[],
): number {
  const common = {
    address: containerAddress(service, number),
    why: reasonsText([reason]),
    containerId: container.id,
  };
  switch (step.kind) {
    case "rename":
      return graph.add({ ...common, kind: "rename-container", name: step.name }, after);
    case "connect":
      return graph.add(
        { ...common, kind: "connect-network", service, network: step.network },
        after,
      );
    case "unpause":
      return graph.add({ ...common, kind: "unpause-container" }, after);
    case "start":
      return graph.add({ ...common, kind: "start-container", service }, after);
    case "restart":
      return graph.add({ ...common, kind: "restart-container", service }, after);
  }
}
