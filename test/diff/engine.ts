/** Engines that hold exactly what a project wants, and what accidents make of them. */
import { serviceHash } from "../../src/compose/output/hash.ts";
import { resolveShared } from "../../src/diff/namespaces.ts";
import { containerName, networkKeys, survey } from "../../src/diff/situation.ts";
import {
  type Desired,
  type DesiredService,
  hostContentNames,
  referencesOf,
  SECRETS_DIRECTORY,
} from "../../src/model/desired.ts";
import { COMPOSE, DSO } from "../../src/model/labels.ts";
import type {
  ImageDetail,
  Observed,
  ObservedContainer,
  ObservedMount,
  ObservedNetwork,
} from "../../src/model/observed.ts";
import { DEFAULT_PLAN_OPTIONS } from "../../src/model/plan.ts";
import { versionKey, valueName } from "../../src/model/reference.ts";
import { makeSpec } from "../../src/model/spec.ts";

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
    healthcheckTest: undefined,
    healthcheckIntervalMs: undefined,
    exposedPorts: [],
    os: "linux",
    arch: "amd64",
    ...more,
  };
}

/** An engine with nothing of the project on it, but with the images. */
export function empty(desired: Desired): Observed {
  return {
    shim: true,
    engine: {
      id: "engine",
      name: "host",
      version: "28.5.2",
      apiVersion: "1.51",
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
    lostGenerations: new Set(),
    lastApply: undefined,
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
    desired.versions.get(versionKey(reference)) ?? reference.pinned ?? "",
  ]);
  const contents = hostContentNames(one).map((key) => [key, desired.versions.get(key) ?? ""]);
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
      ...(one.files.length === 0 ? {} : { [DSO.generation]: generationOf(name) }),
      [DSO.spec]: JSON.stringify(makeSpec(desired, one)),
      [DSO.secrets]: JSON.stringify(Object.fromEntries([...versions, ...contents])),
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
    mounts: [
      ...(one.model.volumes ?? []).map(({ type, source, target }) => ({
        type,
        name: type === "volume" ? desired.project.volumes.get(source ?? "")?.name : undefined,
        source: source ?? "",
        target,
        writable: true,
      })),
      ...secretMounts(one, name),
    ],
    networkMode: "",
  };
}

function generationOf(container: string): string {
  return id(container).slice(0, 32);
}

/** As the memory directory is bound: one for all that is below /run/secrets, one for each other file. */
function secretMounts({ files }: DesiredService, container: string): readonly ObservedMount[] {
  const base = `/run/dso/memory/${generationOf(container)}`;
  const bind = { type: "bind", name: undefined, writable: false };
  const single = files.filter(({ inDirectory }) => !inDirectory);
  return [
    ...(single.length < files.length
      ? [{ ...bind, source: `${base}/files`, target: SECRETS_DIRECTORY }]
      : []),
    ...single.map(({ target }, index) => ({ ...bind, source: `${base}/single/${index}`, target })),
  ];
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
