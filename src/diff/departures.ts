import type { ObservedContainer } from "../model/observed.ts";
import type { Reason } from "../model/plan.ts";
import type { Graph } from "./graph.ts";
import { containerAddress, type Instance, isUp } from "./inventory.ts";
import { reasonsText } from "./reasons.ts";

/** A container that goes without a successor. */
export interface Departure {
  readonly address: string;
  readonly service: string;
  readonly number: number | undefined;
  readonly container: ObservedContainer;
  readonly reasons: readonly Reason[];
}

/** Returns the id of the removal. */
export function addDeparture(
  graph: Graph,
  { address, container, reasons }: Omit<Departure, "service" | "number">,
  after: readonly number[],
  volumes: boolean,
): number {
  const why = reasonsText(reasons);
  const { id: containerId, name } = container;
  const common = { containerId, address, why };
  const stopped = isUp(container)
    ? [graph.add({ ...common, kind: "stop-container" }, after)]
    : after;
  return graph.add({ ...common, kind: "remove-container", name, volumes }, stopped);
}

export function departureOf(
  { service, number, container }: Instance,
  reasons: readonly Reason[],
): Departure {
  return { address: containerAddress(service, number), service, number, container, reasons };
}
