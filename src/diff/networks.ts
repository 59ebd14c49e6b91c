/** Which networks are made, made anew and removed. */
import { COMPOSE } from "../model/labels.ts";
import type { ObservedContainer, ObservedNetwork } from "../model/observed.ts";
import type { PlanWarning, Reason } from "../model/plan.ts";
import { byText } from "./order.ts";
import { missingExternal, neededNetworks, type Situation } from "./situation.ts";

export type NetworkDecision =
  | { readonly action: "keep"; readonly key: string; readonly network: ObservedNetwork }
  | { readonly action: "create"; readonly key: string; readonly reasons: readonly Reason[] }
  | {
      readonly action: "replace";
      readonly key: string;
      readonly network: ObservedNetwork;
      readonly reasons: readonly Reason[];
    }
  | {
      readonly action: "remove";
      readonly key: string;
      readonly network: ObservedNetwork;
      readonly reasons: readonly Reason[];
    };

export interface NetworkDecisions {
  readonly decisions: readonly NetworkDecision[];
  readonly warnings: readonly PlanWarning[];
}

/**
 * `staying`: containers that the plan leaves where they are; a network that one of
 * them is attached to is not removed. Rejects with `compose-invalid` for a missing
 * external network.
 */
export function decideNetworks(
  situation: Situation,
  staying: readonly ObservedContainer[],
): NetworkDecisions {
  const used = usedNetworks(situation);
  const chosen = [...situation.networks.keys()].filter((key) =>
    situation.selection.partial ? used.has(key) : situation.selection.network(key) || used.has(key),
  );
  const wanted = chosen.map((key) => decide(situation, key));
  return {
    decisions: [...wanted, ...unwanted(situation, staying)],
    warnings: chosen.flatMap((key) => foreignWarning(situation, key)),
  };
}

function usedNetworks(situation: Situation): ReadonlySet<string> {
  const services = [...situation.desired.services.values()];
  return new Set(
    services.filter(({ name }) => situation.selection.service(name)).flatMap(neededNetworks),
  );
}

function decide({ desired, networks }: Situation, key: string): NetworkDecision {
  const standing = networks.get(key);
  const model = desired.project.networks.get(key);
  if (standing?.kind === "present") return { action: "keep", key, network: standing.network };
  if (standing?.kind === "outdated") {
    const reasons = [{ code: "config_changed", detail: "it was made from other settings" }];
    return { action: "replace", key, network: standing.network, reasons };
  }
  if (model?.external === true) throw missingExternal("network", key, model.name, desired);
  return { action: "create", key, reasons: [{ code: "created", detail: undefined }] };
}

/** Ours, but no service is in the files that would use them. */
function unwanted(
  { desired, observed, options, selection }: Situation,
  staying: readonly ObservedContainer[],
): readonly NetworkDecision[] {
  if (selection.partial || options.removeOrphans === "none") return [];
  const names = new Set([...desired.project.networks.values()].map(({ name }) => name));
  const busy = new Set(
    staying.flatMap(({ networks }) => networks.map(({ networkId }) => networkId)),
  );
  return [...observed.networks]
    .sort((a, b) => byText(a.name, b.name))
    .flatMap((network): readonly NetworkDecision[] => {
      const key = network.labels[COMPOSE.network];
      if (key === undefined || names.has(network.name) || busy.has(network.id)) return [];
      if (!selection.network(key)) return [];
      const reasons = [{ code: "orphan", detail: `no network "${key}" in the files` }];
      return [{ action: "remove", key, network, reasons }];
    });
}

function foreignWarning({ desired, networks }: Situation, key: string): readonly PlanWarning[] {
  const standing = networks.get(key);
  if (standing?.kind !== "present" || !standing.foreign) return [];
  return [
    {
      code: "foreign-network",
      message: `network "${standing.network.name}" exists and is not this project's; it is used as it is`,
      hint: `Declare it "external: true" under networks.${key} to say that this is meant.`,
      position: desired.project.positions.at(["networks", key]),
    },
  ];
}
