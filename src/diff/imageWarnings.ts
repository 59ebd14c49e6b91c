/** What a plan cannot tell of images. */
import type { DesiredService } from "../model/desired.ts";
import type { PlanWarning } from "../model/plan.ts";
import { only, replaced, type ServiceDecision } from "./decision.ts";
import { fetchFor, isFetchRequested } from "./images.ts";
import type { Situation } from "./situation.ts";

export function imageWarnings(
  situation: Situation,
  decision: ServiceDecision,
): readonly PlanWarning[] {
  const { service } = decision;
  const requested = isFetchRequested(service, situation.options);
  return requested ? decidedAfterPull(situation, service) : perhapsOutdated(situation, decision);
}

/** A pull can bring another image, and only the engine can tell afterwards. */
function decidedAfterPull(situation: Situation, service: DesiredService): readonly PlanWarning[] {
  const { images, newness } = situation.observed;
  const known = newness?.get(service.image)?.kind === "newer" || !images.has(service.image);
  if (known || fetchFor(situation, service)?.kind !== "pull") return [];
  return [
    {
      code: "decided-after-pull",
      message: `image "${service.image}" is pulled as requested; whether service "${service.name}" then has to change is for the next plan to say`,
      hint: undefined,
      position: undefined,
    },
  ];
}

/** A registry that is down takes nothing away from what runs: whoever stays has the image that is here. */
function perhapsOutdated(
  { observed, desired }: Situation,
  decision: ServiceDecision,
): readonly PlanWarning[] {
  const { name, image } = decision.service;
  const newness = observed.newness?.get(image);
  const makes = only(decision, "create").length + replaced(decision).length > 0;
  if (newness?.kind !== "unknown" || makes) return [];
  return [
    {
      code: "image-unknown",
      message: `whether there is a newer image "${image}" for service "${name}" is not known: ${newness.why}`,
      hint: "It stays as it is; `dso up --pull always` fails until the registry answers.",
      position: desired.project.positions.at(["services", name, "pull_policy"]),
    },
  ];
}
