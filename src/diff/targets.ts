/** What `-target`, `-exclude` and `-replace` name. */
import { suggest } from "../model/suggest.ts";
import { type Desired, referencesOf } from "../model/desired.ts";
import { DsoError } from "../model/errors.ts";
import type { Observed } from "../model/observed.ts";
import type { PlanOptions } from "../model/plan.ts";
import { withoutGiven } from "../model/programs.ts";
import { secretName } from "../model/reference.ts";
import { containerAddress, type Inventory } from "./inventory.ts";
import { dependenciesOf } from "../model/dependencies.ts";
import { byText } from "./order.ts";

export interface Selection {
  /** Something was targeted, so the rest is none of this plan's business. */
  readonly partial: boolean;
  service(name: string): boolean;
  /** It is to be left alone, whatever happens to others. */
  excludes(name: string): boolean;
  container(name: string, number: number): boolean;
  network(key: string): boolean;
  volume(key: string): boolean;
  /** `-replace` asks for it. */
  replaces(name: string, number: number): boolean;
}

/** Addresses that exist: what one can ask for. */
interface Known {
  readonly services: ReadonlySet<string>;
  readonly containers: ReadonlySet<string>;
  readonly networks: ReadonlySet<string>;
  readonly volumes: ReadonlySet<string>;
  /** Secret name to the services that use it. */
  readonly secrets: ReadonlyMap<string, ReadonlySet<string>>;
}

/** More addresses than this help nobody. */
const LISTED = 12;

type Kind = "service" | "container" | "network" | "volume";
type Named = ReadonlySet<`${Kind}.${string}`>;

/**
 * Rejects with `usage` for an address that nothing has. Targets bring what they
 * depend on; an excluded service is left out alone: what depends on it still goes,
 * as it does with a dependency that is there already.
 */
export function select(
  desired: Desired,
  observed: Observed,
  inventory: Inventory,
  options: PlanOptions,
): Selection {
  const known = knownAddresses(desired, observed, inventory);
  const named = (texts: readonly string[]): Named =>
    new Set(texts.flatMap((text) => resolve(text, known)));
  const targets = named(options.targets);
  const excludes = named(options.excludes);
  const replace = named(options.replace);
  for (const service of Object.keys(options.scale)) resolve(`service.${service}`, known);
  const partial = targets.size > 0;
  const closure = options.withDependencies ? withDependencies(targets, desired) : new Set<string>();
  const within = (kind: Kind, name: string): boolean =>
    (!partial || targets.has(`${kind}.${name}`)) && !excludes.has(`${kind}.${name}`);
  const container = (name: string, number: number): boolean => {
    const address = `container.${name}[${number}]` as const;
    if (excludes.has(`service.${name}`) || excludes.has(address)) return false;
    return !partial || targets.has(`service.${name}`) || targets.has(address) || closure.has(name);
  };
  const someContainer = (name: string): boolean =>
    [...targets].some((target) => target.startsWith(`container.${name}[`));
  return {
    partial,
    service: (name) =>
      !excludes.has(`service.${name}`) &&
      (within("service", name) || closure.has(name) || someContainer(name)),
    excludes: (name) => excludes.has(`service.${name}`),
    container,
    network: (key) => within("network", key),
    volume: (key) => within("volume", key),
    replaces: (name, number) =>
      replace.has(`service.${name}`) || replace.has(`container.${name}[${number}]`),
  };
}

/** The services that the targets need, not the targets themselves. */
function withDependencies(targets: Named, desired: Desired): ReadonlySet<string> {
  const found = new Set<string>();
  const follow = (name: string): void => {
    const service = desired.services.get(name) ?? desired.programs?.get(name);
    if (service === undefined) return;
    for (const need of dependenciesOf(service.model).keys()) {
      if (found.has(need)) continue;
      found.add(need);
      follow(need);
    }
  };
  for (const target of targets) {
    const [, name] = /^(?:service|container)\.(.+?)(?:\[\d+\])?$/.exec(target) ?? [];
    if (name !== undefined) follow(name);
  }
  return found;
}

function knownAddresses(desired: Desired, observed: Observed, inventory: Inventory): Known {
  const instances = [...[...inventory.instances.values()].flat(), ...inventory.orphans];
  const wanted = [...desired.services.values()].flatMap(({ name, replicas }) =>
    Array.from({ length: replicas }, (_, index) => containerAddress(name, index + 1)),
  );
  const secrets = new Map<string, Set<string>>();
  for (const service of desired.services.values()) {
    const { bindings } = withoutGiven(service);
    for (const reference of bindings.flatMap(({ template }) => referencesOf(template))) {
      const users = secrets.get(secretName(reference)) ?? new Set();
      secrets.set(secretName(reference), users.add(service.name));
    }
  }
  const keys = (model: ReadonlyMap<string, unknown>, label: "network" | "volume"): Set<string> =>
    new Set([
      ...model.keys(),
      ...observed[`${label}s`].flatMap(({ labels }) => labels[`com.docker.compose.${label}`] ?? []),
    ]);
  return {
    services: new Set([
      ...desired.services.keys(),
      ...(desired.programs?.keys() ?? []),
      ...instances.map(({ service }) => service),
    ]),
    containers: new Set([
      ...wanted,
      ...instances.map(({ service, number }) => containerAddress(service, number)),
    ]),
    networks: keys(desired.project.networks, "network"),
    volumes: keys(desired.project.volumes, "volume"),
    secrets,
  };
}

function resolve(text: string, known: Known): readonly `${Kind}.${string}`[] {
  if (known.services.has(text)) return [`service.${text}`];
  const [, kind, name] = /^(service|container|network|volume|image|secret)\.(.+)$/.exec(text) ?? [];
  if (name !== undefined) {
    if ((kind === "service" || kind === "image") && known.services.has(name))
      return [`service.${name}`];
    if (kind === "container" && known.services.has(name)) return [`service.${name}`];
    if (kind === "container" && known.containers.has(text)) return [`container.${name}`];
    if (kind === "network" && known.networks.has(name)) return [`network.${name}`];
    if (kind === "volume" && known.volumes.has(name)) return [`volume.${name}`];
    const users = kind === "secret" ? known.secrets.get(name) : undefined;
    if (users !== undefined) return [...users].map((user) => `service.${user}` as const);
  }
  throw unknown(text, known);
}

function unknown(text: string, known: Known): DsoError {
  const all = [
    ...[...known.services].map((name) => `service.${name}`),
    ...known.containers,
    ...[...known.networks].map((key) => `network.${key}`),
    ...[...known.volumes].map((key) => `volume.${key}`),
    ...[...known.secrets.keys()].map((name) => `secret.${name}`),
  ].sort(byText);
  const near = suggest(text, all) ?? suggest(text, known.services);
  const more = all.length > LISTED ? `, and ${all.length - LISTED} more` : "";
  const list = `Known: ${all.slice(0, LISTED).join(", ") || "none"}${more}.`;
  return new DsoError("usage", `nothing has the address "${text}"`, {
    hint: near === undefined ? list : `Did you mean "${near}"? ${list}`,
  });
}
