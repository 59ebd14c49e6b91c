/** The finished tree as the project that everybody else works with. */
import type {
  ComposeProject,
  FileSourceModel,
  Json,
  NetworkModel,
  Positions,
  ServiceModel,
  VolumeModel,
} from "../model/project.ts";
import { arrange, extensionsOf } from "./output/arrange.ts";
import { servicesOf } from "./services.ts";
import { place } from "./fault.ts";
import { entriesOf, get, itemsOf, textAt, toJson } from "./node.ts";
import type { Mapping, Node, Path } from "./node.ts";
import { FILE_SOURCE, JOB, MODEL, NETWORK, SERVICE, VOLUME } from "./output/shape.ts";
import type { Shape } from "./output/shape.ts";

/** A project and what only its own rendering needs of it. */
export interface LoadedProject extends ComposeProject {
  /** Top-level `x-*`. */
  readonly extensions: Readonly<Record<string, Json>>;
  /** All that some service names, switched on or not; sorted. */
  readonly knownProfiles: readonly string[];
  /** Shown alone: this release runs neither. */
  readonly jobs: ReadonlyMap<string, ServiceModel>;
  readonly models: ReadonlyMap<string, Json>;
}

type Rest = Omit<
  LoadedProject,
  | "services"
  | "jobs"
  | "models"
  | "networks"
  | "volumes"
  | "secrets"
  | "configs"
  | "positions"
  | "extensions"
>;

export function buildProject(document: Mapping, rest: Rest): LoadedProject {
  return {
    ...rest,
    services: section<ServiceModel>(document, "services", SERVICE),
    networks: section<NetworkModel>(document, "networks", NETWORK),
    volumes: section<VolumeModel>(document, "volumes", VOLUME),
    secrets: section<FileSourceModel>(document, "secrets", FILE_SOURCE),
    configs: section<FileSourceModel>(document, "configs", FILE_SOURCE),
    jobs: section<ServiceModel>(document, "jobs", JOB),
    models: section<Json>(document, "models", MODEL),
    extensions: extensionsOf(toJson(document)),
    positions: positionsIn(document),
  };
}

/** The models have passed schema, decoding and checks: their types are what those established. */
function section<T>(document: Mapping, key: string, shape: Shape): ReadonlyMap<string, T> {
  const nodes = [...entriesOf(document.entries.get(key))].toSorted(([a], [b]) => (a < b ? -1 : 1));
  return new Map(
    nodes.map(([name, node]) => [name, arrange(toJson(node), shape, "model") as T] as const),
  );
}

function positionsIn(document: Mapping): Positions {
  return {
    at: (path) => place(nearest(document, path).at),
    literal: (path) => {
      const node = get(document, ...path);
      return node !== undefined && isLiteral(node);
    },
  };
}

function nearest(document: Mapping, path: Path): Node {
  let node: Node = document;
  for (const key of path) {
    const next = get(node, key);
    if (next === undefined) break;
    node = next;
  }
  return node;
}

function isLiteral(node: Node): boolean {
  if (node.kind === "scalar") return node.at.literal;
  const children = node.kind === "mapping" ? [...node.entries.values()] : node.items;
  return children.every(isLiteral);
}

/** Networks, volumes, secrets, configs and models that no enabled service uses are left out. */
export function withoutUnused(document: Mapping): Mapping {
  const services = servicesOf(document).flatMap(([, service]) => [
    service,
    ...itemsOf(get(service, "pre_start")),
  ]);
  const items = (...keys: readonly string[]) =>
    services.flatMap((service) => itemsOf(get(service, ...keys)));
  const sources = (nodes: readonly Node[]) => nodes.map((item) => textAt(item, "source") ?? "");
  const mounted = items("volumes").filter((item) => textAt(item, "type") === "volume");
  const used: Readonly<Record<string, ReadonlySet<string>>> = {
    networks: new Set(
      services.flatMap((service) => [...entriesOf(get(service, "networks")).keys()]),
    ),
    volumes: new Set(sources(mounted)),
    secrets: new Set(sources([...items("secrets"), ...items("build", "secrets")])),
    configs: new Set(sources(items("configs"))),
    models: new Set(services.flatMap((service) => [...entriesOf(get(service, "models")).keys()])),
  };
  const entries = [...document.entries].map(([key, node]) => {
    const names = used[key];
    if (names === undefined || node.kind !== "mapping") return [key, node] as const;
    const kept = [...node.entries].filter(([name]) => names.has(name));
    return [key, { ...node, entries: new Map(kept) }] as const;
  });
  return { ...document, entries: new Map(entries) };
}
