import { scrypt, timingSafeEqual } from "node:crypto";
import { promisify } from "node:util";
import type { Desired } from "../model/desired.ts";
import { COMPOSE, DSO } from "../model/labels.ts";
import type { Observed, ObservedContainer } from "../model/observed.ts";
import type { Random } from "../model/ports.ts";

/** A slow, salted hash: the model may hold guessable private text. Hex. */
export interface ModelFingerprint {
  readonly salt: string;
  readonly hash: string;
}

const derive = promisify<string, Buffer, number, object, Buffer>(scrypt);
const COST = { N: 2 ** 15, r: 8, p: 1, maxmem: 64 * 1024 * 1024 };

export async function fingerprintModel(
  desired: Desired,
  random: Random,
): Promise<ModelFingerprint> {
  const salt = random.hex(16);
  return { salt, hash: (await hashModel(desired, salt)).toString("hex") };
}

export async function matchesModel(before: ModelFingerprint, desired: Desired): Promise<boolean> {
  const expected = Buffer.from(before.hash, "hex");
  const actual = await hashModel(desired, before.salt);
  return expected.length === actual.length && timingSafeEqual(expected, actual);
}

function hashModel({ project, services }: Desired, salt: string): Promise<Buffer> {
  const text = JSON.stringify([
    project.name,
    [...services].map(([name, { policy, replicas, model }]) => [name, policy, replicas, model]),
    [...project.networks],
    [...project.volumes],
    [...project.secrets],
    [...project.configs],
  ]);
  return derive(text, Buffer.from(salt, "hex"), 32, COST);
}

/** What of the engine a plan depends on: never health, restart count or address. */
export interface ObservedFingerprint {
  readonly engine: string;
  /** The program that seals variables can be had. */
  readonly shim: boolean;
  readonly containers: readonly ContainerFingerprint[];
  /** Name and id of each; those that others own and the project wants are among them. */
  readonly images: readonly string[];
  readonly networks: readonly string[];
  readonly volumes: readonly string[];
}

interface ContainerFingerprint {
  readonly id: string;
  readonly name: string;
  readonly service: string;
  readonly hash: string;
  readonly image: string;
  readonly networks: readonly string[];
  readonly running: boolean;
  /** What it was given is still in memory, as far as it was. */
  readonly delivered: boolean;
}

export function fingerprintObserved(observed: Observed): ObservedFingerprint {
  const ids = (list: Iterable<{ readonly name: string; readonly id?: string }>): string[] =>
    Array.from(list, ({ name, id }) => `${name} ${id ?? ""}`.trim()).sort();
  return {
    engine: observed.engine.id,
    shim: observed.shim,
    containers: observed.containers
      .map((container) => fingerprintContainer(container, observed))
      .sort((a, b) => (a.name < b.name ? -1 : 1)),
    images: [...observed.images].map(([name, { id }]) => `${name} ${id}`).sort(),
    networks: ids([...observed.networks, ...observed.foreignNetworks.values()]),
    volumes: ids([...observed.volumes, ...observed.foreignVolumes.values()]),
  };
}

function fingerprintContainer(
  container: ObservedContainer,
  { lostGenerations }: Observed,
): ContainerFingerprint {
  return {
    id: container.id,
    name: container.name,
    service: container.labels[COMPOSE.service] ?? "",
    hash: container.labels[COMPOSE.configHash] ?? "",
    image: container.imageId,
    networks: container.networks.map(({ networkId }) => networkId).sort(),
    running: container.state === "running" || container.state === "restarting",
    delivered: !lostGenerations.has(container.labels[DSO.generation] ?? ""),
  };
}

/** One phrase for each thing that is not as it was; empty when nothing moved. */
export function whatMoved(before: ObservedFingerprint, observed: Observed): readonly string[] {
  if (before.engine !== observed.engine.id) return ["it was made for another engine"];
  const now = fingerprintObserved(observed);
  const shim = `the program that seals variables is ${now.shim ? "here now" : "gone"}`;
  return [
    ...(before.shim === now.shim ? [] : [shim]),
    ...movedContainers(before, now, observed),
    ...movedNames("image", before.images, now.images),
    ...movedNames("network", before.networks, now.networks),
    ...movedNames("volume", before.volumes, now.volumes),
  ];
}

function movedContainers(
  before: ObservedFingerprint,
  now: ObservedFingerprint,
  observed: Observed,
): readonly string[] {
  const old = new Map(before.containers.map((container) => [container.name, container]));
  const current = new Map(now.containers.map((container) => [container.name, container]));
  const all = new Set([...old.keys(), ...current.keys()]);
  return [...all].sort().flatMap((name) => {
    const [a, b] = [old.get(name), current.get(name)];
    if (a === undefined) return [`container ${name} is new${maker(observed, name)}`];
    if (b === undefined) return [`container ${name} is gone`];
    if (a.id !== b.id) return [`container ${name} was replaced${maker(observed, name)}`];
    if (a.running !== b.running)
      return [`container ${name} was ${b.running ? "started" : "stopped"}`];
    if (a.delivered && !b.delivered) return [`container ${name} lost what it was given in memory`];
    if (JSON.stringify(a) !== JSON.stringify(b)) return [`container ${name} was changed`];
    return [];
  });
}

/** Who made a container, as its labels tell. */
function maker(observed: Observed, name: string): string {
  const labels = observed.containers.find((container) => container.name === name)?.labels ?? {};
  const dso = labels[DSO.version];
  if (dso !== undefined) return ` (by dso ${dso})`;
  const compose = labels[COMPOSE.version];
  return compose === undefined ? "" : ` (by Docker Compose ${compose})`;
}

function movedNames(
  kind: string,
  before: readonly string[],
  now: readonly string[],
): readonly string[] {
  const gone = before.filter((entry) => !now.includes(entry));
  const made = now.filter((entry) => !before.includes(entry));
  const name = (entry: string): string => entry.split(" ")[0] ?? entry;
  const names = new Set([...gone, ...made].map(name));
  return [...names].sort().map((entry) => {
    const [was, is] = [gone.some((g) => name(g) === entry), made.some((m) => name(m) === entry)];
    return `${kind} ${entry} ${was && is ? "was made anew" : was ? "is gone" : "is new"}`;
  });
}
