import { networkHash } from "../compose/output/hash.ts";
import type { Desired, DesiredService } from "../model/desired.ts";
import { DsoError } from "../model/errors.ts";
import { modelsOf } from "../model/forerunners.ts";
import { COMPOSE, DSO } from "../model/labels.ts";
import type { Observed, ObservedContainer, ObservedNetwork } from "../model/observed.ts";
import type { PlanOptions } from "../model/plan.ts";
import type { NetworkModel } from "../model/project.ts";
import { type Inventory, takeInventory } from "./inventory.ts";
import { dependenciesOf } from "../model/dependencies.ts";
import { readSpec, type Spec } from "../model/spec.ts";
import { byText, dependencyOrder } from "./order.ts";
import { type Selection, select } from "./targets.ts";

/** Everything that a decision may look at, indexed once. */
export interface Situation {
  readonly desired: Desired;
  readonly observed: Observed;
  readonly options: PlanOptions;
  readonly inventory: Inventory;
  /** Services, those of programs among them, dependencies first. */
  readonly order: readonly string[];
  /** By compose key, what is there under the wanted name. */
  readonly networks: ReadonlyMap<string, NetworkStanding>;
  readonly selection: Selection;
  /** What the container remembers; undefined where it has no spec, or one of a form not known here. */
  readonly specOf: (container: ObservedContainer) => Spec | undefined;
}

export type NetworkStanding =
  | { readonly kind: "present"; readonly network: ObservedNetwork; readonly foreign: boolean }
  | { readonly kind: "missing" }
  /** It was made from another model: it has to be made anew. */
  | { readonly kind: "outdated"; readonly network: ObservedNetwork };

/** Rejects with `usage` for an address that nothing has. */
export function survey(desired: Desired, observed: Observed, options: PlanOptions): Situation {
  const inventory = takeInventory(desired, observed);
  const all = [...desired.services, ...(desired.programs ?? [])];
  const needs = new Map(all.map(([name, { model }]) => [name, [...dependenciesOf(model).keys()]]));
  return {
    desired,
    observed,
    options,
    inventory,
    order: dependencyOrder(needs),
    networks: new Map(
      [...desired.project.networks]
        .sort(([a], [b]) => byText(a, b))
        .map(([key, model]) => [key, networkStanding(model, observed)]),
    ),
    selection: select(desired, observed, inventory, options),
    specOf: specReader(),
  };
}

/** The replicas of a service remember the same text, which is read once for all of them. */
function specReader(): Situation["specOf"] {
  const specs = new Map<string, Spec | undefined>();
  return ({ labels }) => {
    const text = labels[DSO.spec] ?? "";
    if (!specs.has(text)) specs.set(text, readSpec(labels));
    return specs.get(text);
  };
}

/** Whichever Compose made it. */
const DIALECTS = ["v2", "v5"] as const;

function networkStanding(model: NetworkModel, observed: Observed): NetworkStanding {
  const own = observed.networks.find(({ name }) => name === model.name);
  const network = own ?? observed.foreignNetworks.get(model.name);
  if (network === undefined) return { kind: "missing" };
  const hash = network.labels[COMPOSE.configHash];
  const outdated =
    own !== undefined && model.external !== true && hash !== undefined && hash !== "";
  const hashes = DIALECTS.map((dialect) => networkHash(model, dialect));
  if (outdated && !hashes.includes(hash)) return { kind: "outdated", network };
  return { kind: "present", network, foreign: own === undefined && model.external !== true };
}

export function missingExternal(
  kind: "network" | "volume",
  key: string,
  name: string,
  desired: Desired,
): DsoError {
  const position = desired.project.positions.at([`${kind}s`, key]);
  return new DsoError(
    "compose-invalid",
    `${kind} "${key}" is external, and there is no ${kind} "${name}"`,
    {
      hint: `Create it with \`docker ${kind} create ${name}\`, or remove "external: true" to have it made here.`,
      ...(position === undefined ? {} : { position }),
    },
  );
}

/** `--scale`, else the file's; a service may be named `constructor`, as something of every object is. */
export function scaled(
  { scale }: Pick<PlanOptions, "scale">,
  { name, replicas }: Pick<DesiredService, "name" | "replicas">,
): number {
  return Object.hasOwn(scale, name) ? (scale[name] ?? replicas) : replicas;
}

/** The replicas that are wanted: `--scale`, else the file's. */
export function replicasOf(situation: Situation, service: DesiredService): number {
  const wanted = scaled(situation.options, service);
  if (wanted > 1 && service.model.container_name !== undefined) {
    const position = situation.desired.project.positions.at([
      "services",
      service.name,
      "container_name",
    ]);
    throw new DsoError(
      "compose-invalid",
      `service "${service.name}" wants ${wanted} containers, but all of them would be named "${service.model.container_name}"`,
      {
        hint: "Remove container_name, or keep to one replica.",
        ...(position === undefined ? {} : { position }),
      },
    );
  }
  return wanted;
}

export function containerName(
  situation: Situation,
  service: DesiredService,
  number: number,
): string {
  return (
    service.model.container_name ?? `${situation.desired.project.name}-${service.name}-${number}`
  );
}

/** Compose keys of the networks that the service's containers are attached to. */
export function networkKeys({ model }: Pick<DesiredService, "model">): readonly string[] {
  if (model.network_mode !== undefined) return [];
  return Object.keys(model.networks ?? {}).sort(byText);
}

/** Compose keys of the networks of its containers, and of those that run before them. */
export function neededNetworks(service: DesiredService): readonly string[] {
  return modelsOf(service).flatMap((model) => networkKeys({ model }));
}
