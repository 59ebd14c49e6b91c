import type { Desired } from "../model/desired.ts";
import { COMPOSE } from "../model/labels.ts";
import type { Observed } from "../model/observed.ts";
import { DEFAULT_PLAN_OPTIONS, type Plan } from "../model/plan.ts";
import type { Json } from "../model/project.ts";
import { wantedValues } from "./attributes.ts";
import { containerValues } from "./changes.ts";
import { containerAddress } from "./inventory.ts";
import { observedNetwork } from "./objectChanges.ts";
import { survey } from "./situation.ts";

/** By address, what may be shown of the objects that the plan leaves as they are. */
export function currentValues(
  desired: Desired,
  observed: Observed,
  plan: Plan,
): Readonly<Record<string, Readonly<Record<string, Json>>>> {
  const situation = survey(desired, observed, DEFAULT_PLAN_OPTIONS);
  const containers = [...situation.inventory.instances.values()].flat().map((instance) => {
    const service = desired.services.get(instance.service);
    const wanted = service === undefined ? {} : wantedValues(situation, service);
    const address = containerAddress(instance.service, instance.number);
    return [address, { ...wanted, ...containerValues({ instance }) }] as const;
  });
  const networks = [...situation.networks].flatMap(([key, standing]) =>
    standing.kind === "missing"
      ? []
      : [[`network.${key}`, observedNetwork(standing.network)] as const],
  );
  const volumes = observed.volumes.map(
    ({ name, driver, labels }) =>
      [`volume.${labels[COMPOSE.volume] ?? name}`, { name, driver }] as const,
  );
  const kept = new Set(plan.unchanged);
  return Object.fromEntries(
    [...containers, ...networks, ...volumes].filter(([address]) => kept.has(address)),
  );
}
