/** Changes of networks, volumes and images. */
import { isDeepStrictEqual } from "node:util";
import type { ObservedNetwork } from "../model/observed.ts";
import type { AttributeChange, Change } from "../model/plan.ts";
import type { Json, NetworkModel } from "../model/project.ts";
import { objectChange } from "./changes.ts";
import { only, replaced, type ServiceDecision } from "./decision.ts";
import { fetchFor, isFetchRequested } from "./images.ts";
import type { NetworkDecision } from "./networks.ts";
import type { Situation } from "./situation.ts";

export function networkChange(
  { desired }: Situation,
  decision: NetworkDecision,
): readonly Change[] {
  const { key } = decision;
  const model = desired.project.networks.get(key) ?? { name: key };
  switch (decision.action) {
    case "keep":
      return [];
    case "create": {
      const after = wantedNetwork(model);
      const attributes = Object.keys(after).map((path) => attribute(path, undefined, after[path]));
      const change = { action: "create", reasons: decision.reasons, attributes, after } as const;
      return [objectChange("network", key, model.name, change)];
    }
    case "replace":
      return [objectChange("network", key, model.name, networkReplacement(model, decision))];
    case "remove": {
      const before = observedNetwork(decision.network);
      const change = { action: "delete", reasons: decision.reasons, before } as const;
      return [objectChange("network", key, decision.network.name, change)];
    }
  }
}

function networkReplacement(
  model: NetworkModel,
  { network, reasons }: Extract<NetworkDecision, { action: "replace" }>,
): Pick<Change, "action" | "reasons"> & Partial<Change> {
  const [before, after] = [observedNetwork(network), wantedNetwork(model)];
  const all = Object.keys(after).map((path) => ({
    ...attribute(path, before[path], after[path]),
    forcesReplacement: true,
  }));
  const attributes = all.filter((one) => !isDeepStrictEqual(one.before, one.after));
  const unchangedAttributes = all.length - attributes.length;
  return { action: "replace", reasons, attributes, unchangedAttributes, before, after };
}

function attribute(
  path: string,
  before: Json | undefined,
  after: Json | undefined,
): AttributeChange {
  return { path, before, after, shown: "open", forcesReplacement: false };
}

function wantedNetwork(model: NetworkModel): Readonly<Record<string, Json>> {
  const subnets = (model.ipam?.config ?? []).flatMap(({ subnet }) => subnet ?? []);
  return {
    name: model.name,
    driver: model.driver ?? "bridge",
    internal: model.internal ?? false,
    ...(subnets.length === 0 ? {} : { subnets }),
  };
}

export function observedNetwork({
  id,
  name,
  driver,
  internal,
  subnets,
}: ObservedNetwork): Readonly<Record<string, Json>> {
  return { id, name, driver, internal, subnets: subnets.map(({ subnet }) => subnet) };
}

export function volumeChange({ desired }: Situation, key: string): Change {
  const model = desired.project.volumes.get(key) ?? { name: key };
  const after = { name: model.name, driver: model.driver ?? "local" };
  return objectChange("volume", key, model.name, {
    action: "create",
    reasons: [{ code: "created", detail: undefined }],
    attributes: Object.entries(after).map(([path, value]) => attribute(path, undefined, value)),
    after,
  });
}

/** Only what was asked for and changes no container by itself has to be told on its own. */
export function imageChange(situation: Situation, decision: ServiceDecision): readonly Change[] {
  const { service } = decision;
  const asked = situation.selection.service(service.name);
  if (!asked || !isFetchRequested(service, situation.options)) return [];
  const fetch = fetchFor(situation, service);
  const makes = only(decision, "create").length + replaced(decision).length > 0;
  if (fetch === undefined || makes) return [];
  const code = fetch.kind === "build" ? "image_built" : "image_pulled";
  const reasons = [{ code, detail: "as requested" }];
  return [objectChange("image", service.name, service.image, { action: "update", reasons })];
}
