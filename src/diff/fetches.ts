/** The operations that pull and build images. */
import type { DesiredService } from "../model/desired.ts";
import { forerunnersOf } from "../model/forerunners.ts";
import { contextServices } from "../model/images.ts";
import { only, replaced, type ServiceDecision } from "./decision.ts";
import type { Graph } from "./graph.ts";
import { fetchFor, isFetchRequested, isOutdated, type Fetch } from "./images.ts";
import { byText } from "./order.ts";
import type { Situation } from "./situation.ts";

/** Returns their ids: nothing is stopped or made before all of them are done. */
export function addImages(
  graph: Graph,
  situation: Situation,
  services: readonly ServiceDecision[],
): readonly number[] {
  const adding: Adding = { graph, situation, added: new Map() };
  for (const decision of [...services].sort((a, b) => byText(a.service.name, b.service.name))) {
    const fetch = neededFetch(situation, decision);
    if (fetch !== undefined) addFetch(adding, decision.service, fetch);
    for (const before of starts(decision) ? forerunnersOf(decision.service) : []) {
      const wanted = fetchFor(situation, before);
      if (wanted !== undefined) addFetch(adding, before, wanted);
    }
  }
  return [...adding.added.values()].sort((a, b) => a - b);
}

interface Adding {
  readonly graph: Graph;
  readonly situation: Situation;
  /** By image. */
  readonly added: Map<string, number>;
}

/** An image is fetched for containers that are made, or because the person asked for it. */
function neededFetch(situation: Situation, decision: ServiceDecision): Fetch | undefined {
  const { service } = decision;
  const makes = only(decision, "create").length + replaced(decision).length > 0;
  const asked =
    situation.selection.service(service.name) && isFetchRequested(service, situation.options);
  return makes || asked ? fetchFor(situation, service) : undefined;
}

/** Something runs before a container that is made, and before one that only starts. */
function starts(decision: ServiceDecision): boolean {
  const made = only(decision, "create").length + replaced(decision).length;
  return made + only(decision, "update").length > 0;
}

function addFetch(adding: Adding, service: DesiredService, fetch: Fetch): number {
  const { graph, situation, added } = adding;
  const known = added.get(service.image);
  if (known !== undefined) return known;
  const maker = fetch.kind === "build" ? fetch.by : fetch.orBuild;
  const before = maker === undefined ? [] : addContexts(adding, maker);
  const common = {
    service: fetch.kind === "build" ? fetch.by : service.name,
    image: service.image,
    address: `image.${service.name}`,
    why: why(situation, service),
  };
  const draft =
    fetch.kind === "build"
      ? { ...common, kind: "build-image" as const }
      : { ...common, kind: "pull-image" as const, ...(maker && { orBuild: maker }) };
  const id = graph.add(draft, before);
  added.set(service.image, id);
  return id;
}

/** What the build of a service reads of others has to be there first. The files hold no circle of them. */
function addContexts(adding: Adding, maker: string): readonly number[] {
  const { services } = adding.situation.desired;
  const others = new Set(contextServices(services.get(maker)?.model.build).values());
  return [...others].sort(byText).flatMap((name) => {
    const other = services.get(name);
    const fetch = other && fetchFor(adding.situation, other);
    return other === undefined || fetch === undefined ? [] : [addFetch(adding, other, fetch)];
  });
}

function why(situation: Situation, service: DesiredService): string {
  if (!situation.observed.images.has(service.image)) return "not on this engine";
  if (isOutdated(situation, service)) return "its registry has another one";
  return isFetchRequested(service, situation.options) ? "as requested" : "pull_policy";
}
