/** Which images have to be pulled or built before anything else. */
import type { DesiredService } from "../model/desired.ts";
import type { PlanOptions } from "../model/plan.ts";
import type { Situation } from "./situation.ts";

export type Fetch = "pull" | "build";

/** How the service's image is to be had before its containers can be made anew; undefined: it is there. */
export function fetchFor(situation: Situation, service: DesiredService): Fetch | undefined {
  const { observed, options } = situation;
  const present = observed.images.has(service.image);
  const policy = pullPolicy(service, options);
  if (service.model.build !== undefined) {
    const wanted = options.build === "always" || policy === "build" || !present;
    return wanted && options.build !== "never" ? "build" : undefined;
  }
  if (policy === "never") return undefined;
  return policy === "always" || !present ? "pull" : undefined;
}

/** Asked for by the person, not by the file: done even where nothing else changes. */
export function isFetchRequested(service: DesiredService, options: PlanOptions): boolean {
  return service.model.build === undefined ? options.pull === "always" : options.build === "always";
}

/** Compose's words, and the two spellings that mean "missing". */
function pullPolicy(
  { model }: DesiredService,
  { pull }: PlanOptions,
): "always" | "missing" | "never" | "build" {
  if (pull !== "policy") return pull;
  switch (model.pull_policy) {
    case "always":
    case "never":
    case "build":
      return model.pull_policy;
    default:
      return "missing";
  }
}
