/** What becomes of variables with values on this machine. */
import type { Desired, DesiredService } from "../model/desired.ts";
import { exposed } from "../model/desired.ts";
import type { Observed } from "../model/observed.ts";
import type { PlanWarning, Reason } from "../model/plan.ts";
import { NO_SHIM, sealingRefused, sealedNames, sealerFor } from "../model/sealing.ts";
import { gradeOf, type Spec } from "../model/spec.ts";

type Seen = Pick<Observed, "shim" | "images">;

function sealer(service: DesiredService, { shim, images }: Seen): ReturnType<typeof sealerFor> {
  return sealerFor(service, { shim, image: images.get(service.image) });
}

/**
 * Each service with its variables graded as they will be; rejects with `policy-refused` where one is to be sealed
 * and cannot be. What only its image or its container tells is taken to go well.
 */
export function graded(desired: Desired, observed: Seen): Desired {
  const services = [...desired.services].map(([name, service]): [string, DesiredService] => {
    const sealed = sealedNames(service).length > 0;
    return [name, sealed && sealer(service, observed) === undefined ? unsealed(service) : service];
  });
  return { ...desired, services: new Map(services) };
}

function unsealed(service: DesiredService): DesiredService {
  if (service.policy.env !== "sealed") return exposed(service);
  const position = service.bindings.find(({ grade }) => grade === "sealed")?.position;
  throw sealingRefused(service.name, "a shell does not take all their names", position);
}

/** A container whose variables stand in the open, or no longer have to be hidden. */
export function gradeReasons(
  service: DesiredService,
  spec: Spec,
  observed: Seen,
): readonly Reason[] {
  const wanted = gradeOf(service);
  const found = spec.env ?? "exposed";
  if (wanted === undefined || wanted === found) return [];
  // What was sealed by another release stays so, until somebody chooses otherwise.
  if (found === "sealed" && service.policy.env !== "exposed") return [];
  // Its image may have no shell, which showed when it was made.
  const isDoubtful = wanted === "sealed" && sealer(service, observed) !== "shim";
  if (isDoubtful && service.policy.env !== "sealed") return [];
  return [
    { code: "delivery_changed", detail: `its variables were ${found}, and are to be ${wanted}` },
  ];
}

/** Where the last word is not the plan's. */
export function sealingWarnings(service: DesiredService, observed: Seen): readonly PlanWarning[] {
  if (sealedNames(service).length === 0 || sealer(service, observed) === "shim") return [];
  const left =
    service.policy.env === "sealed" ? "nothing is changed" : "`docker inspect` shows them";
  return [
    {
      code: "decided-later",
      message: `service "${service.name}": ${NO_SHIM}, so that a shell of its image seals its variables; where it has none, ${left}`,
      hint: "A release that was built where a C compiler is has the shim.",
      position: undefined,
    },
  ];
}
