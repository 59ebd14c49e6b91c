/** Images of the containers that run before those of a service (`pre_start`). */
import { forerunnersOf } from "../model/forerunners.ts";
import { only, replaced, type ServiceDecision } from "./decision.ts";
import type { Graph } from "./graph.ts";
import { fetchFor } from "./images.ts";
import type { Situation } from "./situation.ts";

/** Pulls those that are not there, nor pulled or built for a service already, before anything is stopped. */
export function addForerunnerPulls(
  graph: Graph,
  situation: Situation,
  services: readonly ServiceDecision[],
): readonly number[] {
  const built = new Set(
    [...situation.desired.services.values()]
      .filter(({ model }) => model.build !== undefined)
      .map(({ image }) => image),
  );
  const fetched = new Set(
    graph.operations.flatMap((one) => (one.kind === "pull-image" ? [one.image] : [])),
  );
  return services.filter(starts).flatMap(({ service }) =>
    forerunnersOf(service).flatMap((one, index) => {
      const { image } = one;
      if (built.has(image) || fetched.has(image)) return [];
      if (fetchFor(situation, one) !== "pull") return [];
      fetched.add(image);
      const why = `pre_start[${index}] runs it`;
      const address = `image.${service.name}`;
      return [graph.add({ kind: "pull-image", service: service.name, image, address, why }, [])];
    }),
  );
}

function starts(decision: ServiceDecision): boolean {
  return (
    only(decision, "create").length + only(decision, "update").length + replaced(decision).length >
    0
  );
}
