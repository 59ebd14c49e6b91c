/** Small projects, and engines that hold exactly what they want. */
import { serviceHash } from "../../src/compose/hash.ts";
import { containerName, networkKeys, survey } from "../../src/diff/situation.ts";
import { resolveShared } from "../../src/diff/namespaces.ts";
import type {
  Binding,
  Desired,
  DesiredService,
  FileDelivery,
  ServicePolicy,
} from "../../src/model/desired.ts";
import { referencesOf } from "../../src/model/desired.ts";
import { COMPOSE, DSO } from "../../src/model/labels.ts";
import type {
  ImageDetail,
  Observed,
  ObservedContainer,
  ObservedNetwork,
} from "../../src/model/observed.ts";
import { findEmbedded, isReferenceLike, parseReference } from "../../src/model/parseReference.ts";
import { DEFAULT_PLAN_OPTIONS, type PlanOptions } from "../../src/model/plan.ts";
import type { NetworkModel, ServiceModel, VolumeModel } from "../../src/model/project.ts";
import { secretName, valueName } from "../../src/model/reference.ts";
import { makeSpec } from "../../src/model/spec.ts";

export const POLICY: ServicePolicy = {
  strategy: "restart",
  env: "auto",
  signal: undefined,
  drainMs: 10_000,
  shared: [],
  health: {
    probe: undefined,
    timeoutMs: 60_000,
    retries: 3,
    intervalMs: 1000,
    startPeriodMs: undefined,
    settleMs: 3000,
  },
  rotationTimeoutMs: 30_000,
  rollbackOnFailure: true,
};

const PROVIDERS = { providers: new Set(["vault", "local"]), defaultProvider: "local" };

export interface ServiceInput {
  readonly model: ServiceModel;
  readonly replicas?: number;
  readonly policy?: Partial<ServicePolicy>;
  /** Absolute target to a reference's text, or to a template with `{{…}}`. */
  readonly files?: Readonly<Record<string, string>>;
}

export interface ProjectInput {
  readonly services: Readonly<Record<string, ServiceModel | ServiceInput>>;
  readonly networks?: Readonly<Record<string, Partial<NetworkModel>>>;
  readonly volumes?: Readonly<Record<string, Partial<VolumeModel>>>;
  readonly versions?: Readonly<Record<string, string>>;
  readonly disabled?: readonly string[];
  /** Dotted paths that come from a variable. */
  readonly private?: readonly string[];
  readonly unversioned?: readonly string[];
}

export function project(input: ProjectInput): Desired {
  const hidden = new Set(input.private ?? []);
  const networks = input.networks ?? { default: {} };
  const services = Object.entries(input.services).map(([name, one]) =>
    service(
      name,
      "model" in one ? (one as ServiceInput) : { model: one as ServiceModel },
      networks,
    ),
  );
  const named = <T extends object>(
    all: Readonly<Record<string, T>>,
  ): Map<string, T & { readonly name: string }> =>
    new Map(Object.entries(all).map(([key, model]) => [key, { name: `shop_${key}`, ...model }]));
  return {
    project: {
      name: "shop",
      workingDir: "/srv/shop",
      files: ["/srv/shop/compose.yaml"],
      environmentFiles: [],
      profiles: [],
      services: new Map(services.map((one) => [one.name, one.model])),
      disabledServices: input.disabled ?? [],
      networks: named(networks),
      volumes: named(input.volumes ?? {}),
      secrets: new Map(),
      configs: new Map(),
      positions: { at: () => undefined, literal: (path) => !hidden.has(path.join(".")) },
      warnings: [],
    },
    services: new Map(services.map((one) => [one.name, one])),
    versions: new Map(Object.entries(input.versions ?? {})),
    unversioned: new Set(input.unversioned ?? []),
  };
}

function service(
  name: string,
  { model, replicas, policy, files }: ServiceInput,
  networks: object,
): DesiredService {
  const attached: ServiceModel =
    model.networks !== undefined || model.network_mode !== undefined || !("default" in networks)
      ? model
      : { ...model, networks: { default: null } };
  const deliveries = Object.entries(files ?? {}).map(([target, text]) => fileOf(target, text));
  return {
    name,
    model: attached,
    replicas: replicas ?? 1,
    image: model.image ?? `shop-${name}`,
    bindings: [...environmentBindings(model), ...deliveries.map(fileBinding)],
    files: deliveries,
    policy: { ...POLICY, ...policy },
  };
}

function environmentBindings({ environment }: ServiceModel): readonly Binding[] {
  return Object.entries(environment ?? {}).flatMap(([name, value]): readonly Binding[] => {
    if (value === null || !isReferenceLike(value)) return [];
    const template = value.startsWith("dso://")
      ? [parseReference(value, PROVIDERS)]
      : findEmbedded(value, PROVIDERS);
    return [
      { place: { kind: "environment", name }, template, grade: "exposed", position: undefined },
    ];
  });
}

function fileOf(target: string, text: string): FileDelivery {
  const template = text.startsWith("dso://")
    ? [parseReference(text, PROVIDERS)]
    : findEmbedded(text, PROVIDERS);
  const inDirectory = target.startsWith("/run/secrets/");
  const owner = { mode: undefined, uid: undefined, gid: undefined };
  return { target, inDirectory, content: { kind: "template", template }, ...owner };
}

function fileBinding({ target, content }: FileDelivery): Binding {
  const template = content.kind === "template" ? content.template : [];
  return { place: { kind: "file", target }, template, grade: "file", position: undefined };
}

export function options(some: Partial<PlanOptions> = {}): PlanOptions {
  return { ...DEFAULT_PLAN_OPTIONS, ...some };
}

/** Hex digits that stand for an id, the same for the same text. */
export function id(text: string): string {
  return Buffer.from(text).toString("hex").padEnd(64, "0").slice(0, 64);
}

export function image(reference: string, more: Partial<ImageDetail> = {}): ImageDetail {
  return {
    id: `sha256:${id(reference)}`,
    user: "",
    entrypoint: null,
    command: null,
    environment: [],
    volumes: [],
    healthcheck: false,
    exposedPorts: [],
    os: "linux",
    arch: "amd64",
    ...more,
  };
}

/** An engine with nothing of the project on it, but with the images. */
export function empty(desired: Desired): Observed {
  return {
    engine: {
      id: "engine",
      name: "host",
      version: "28.5.2",
      apiVersion: "1.51",
      os: "linux",
      arch: "amd64",
      local: true,
      endpoint: "unix:///var/run/docker.sock",
    },
    containers: [],
    networks: [],
    volumes: [],
    images: new Map([...desired.services.values()].map((one) => [one.image, image(one.image)])),
    foreignNetworks: new Map(),
    foreignVolumes: new Map(),
    details: new Map(),
    delivered: new Map(),
  };
}

/** An engine on which the project was applied. */
export function applied(desired: Desired): Observed {
  const bare: Observed = {
    ...empty(desired),
    networks: [...desired.project.networks].map(([key, { name }]) => network(key, name)),
    volumes: [...desired.project.volumes].map(([key, { name }]) => ({
      name,
      labels: { [COMPOSE.project]: "shop", [COMPOSE.volume]: key },
      driver: "local",
    })),
  };
  const situation = survey(desired, bare, DEFAULT_PLAN_OPTIONS);
  const containers: ObservedContainer[] = [];
  for (const name of situation.order) {
    const one = desired.services.get(name)!;
    for (let number = 1; number <= one.replicas; number++) {
      const finalName = containerName(situation, one, number);
      containers.push(container(desired, bare, one, number, finalName, containers));
    }
  }
  return { ...bare, containers };
}

function network(key: string, name: string): ObservedNetwork {
  return {
    id: id(name),
    name,
    labels: { [COMPOSE.project]: "shop", [COMPOSE.network]: key },
    driver: "bridge",
    internal: false,
    subnets: [],
  };
}

function container(
  desired: Desired,
  observed: Observed,
  one: DesiredService,
  number: number,
  name: string,
  earlier: readonly ObservedContainer[],
): ObservedContainer {
  const idOf = (other: string): string | undefined =>
    earlier.find(({ labels }) => labels[COMPOSE.service] === other)?.id;
  const references = one.bindings.flatMap(({ template }) => referencesOf(template));
  const versions = references.map((reference) => [
    valueName(reference),
    reference.pinned ?? desired.versions.get(secretName(reference)) ?? "",
  ]);
  return {
    id: id(name),
    name,
    image: one.image,
    imageId: observed.images.get(one.image)?.id ?? "",
    labels: {
      [COMPOSE.project]: "shop",
      [COMPOSE.service]: one.name,
      [COMPOSE.number]: String(number),
      [COMPOSE.oneoff]: "False",
      [COMPOSE.configHash]: serviceHash(resolveShared(one.model, idOf), "v5"),
      [COMPOSE.image]: observed.images.get(one.image)?.id ?? "",
      [DSO.spec]: JSON.stringify(makeSpec(desired, one)),
      [DSO.secrets]: JSON.stringify(Object.fromEntries(versions)),
    },
    state: "running",
    health: one.model.healthcheck === undefined ? undefined : "healthy",
    exitCode: undefined,
    created: 1_700_000_000 + number,
    networks: networkKeys(one).map((key) => {
      const found = observed.networks.find(({ labels }) => labels[COMPOSE.network] === key);
      const wanted = desired.project.networks.get(key)?.name ?? key;
      return {
        network: wanted,
        networkId: found?.id ?? id(wanted),
        ipv4: undefined,
        ipv6: undefined,
        aliases: [],
      };
    }),
    mounts: (one.model.volumes ?? []).map(({ type, source, target }) => ({
      type,
      name: type === "volume" ? desired.project.volumes.get(source ?? "")?.name : undefined,
      source: source ?? "",
      target,
      writable: true,
    })),
    networkMode: "",
  };
}

/** The observed state with some containers changed, by name; `undefined` removes one. */
export function change(
  observed: Observed,
  changes: Readonly<Record<string, Partial<ObservedContainer> | undefined>>,
): Observed {
  return {
    ...observed,
    containers: observed.containers.flatMap((one) => {
      if (!(one.name in changes)) return [one];
      const some = changes[one.name];
      return some === undefined ? [] : [{ ...one, ...some }];
    }),
  };
}

/** As Compose would have made it: without any label of ours. */
export function madeByCompose(one: ObservedContainer): Partial<ObservedContainer> {
  const labels = Object.entries(one.labels).filter(([key]) => !key.startsWith("dso."));
  return { labels: Object.fromEntries(labels) };
}
