import { needsDetail } from "../diff/details.ts";
import type { Delivery, Manifest } from "../model/delivery.ts";
import type { Desired } from "../model/desired.ts";
import { forerunnersOf } from "../model/forerunners.ts";
import { DSO } from "../model/labels.ts";
import { type DeliveredVersions, isOfGeneration, type Observed } from "../model/observed.ts";
import type { ProjectListing } from "../model/ports.ts";
import { SHIM_TARGET } from "../model/sealing.ts";
import type { Context } from "./context.ts";
import { downtimesOn } from "./downtimes.ts";
import { lastApplyTo } from "./lastApply.ts";

/**
 * What the engine shows of the project. Three list calls whatever its size, one
 * inspect per image, and one for each container that looks different. `listed` is
 * the answer to the list calls, or will be: they need nothing of what is desired.
 */
export async function observe(
  context: Context,
  desired: Desired,
  listed: Promise<ProjectListing>,
  signal: AbortSignal,
): Promise<Observed> {
  const { engine, state, delivery, shim } = context;
  const { name } = desired.project;
  const [info, registered, images, manifests, listing] = await Promise.all([
    engine.info(signal),
    state.registered(name),
    collect(imagesOf(desired), (image) => engine.inspectImage(image, signal)),
    delivery.manifests(name),
    listed,
  ]);
  const [foreignNetworks, foreignVolumes, delivered, lostGenerations] = await Promise.all([
    collect(unlisted(desired.project.networks, listing.networks), (name) =>
      engine.inspectNetwork(name, signal),
    ),
    collect(unlisted(desired.project.volumes, listing.volumes), (name) =>
      engine.inspectVolume(name, signal),
    ),
    readDelivered(delivery, listing, manifests, signal),
    // What another host has in memory nobody here can tell.
    info.local ? delivery.lost(boundGenerations(listing), signal) : new Set<string>(),
  ]);
  const objects = { ...listing, images, foreignNetworks, foreignVolumes };
  const lostShims = info.local ? withoutShim(listing, context) : [];
  const secrets = { delivered, lostGenerations: new Set([...lostGenerations, ...lostShims]) };
  const lastApply = lastApplyTo(info.id, registered);
  const remembered = { lastApply, ...downtimesOn(info.id, registered) };
  const known = { engine: info, shim: shim.has(), ...objects, ...secrets, ...remembered };
  const suspects = needsDetail(desired, { ...known, details: new Map() });
  const details = await collect(new Set(suspects), (id) => engine.inspectContainer(id, signal));
  return { ...known, details };
}

function imagesOf({ services }: Desired): ReadonlySet<string> {
  const all = [...services.values()].flatMap((one) => [one, ...forerunnersOf(one)]);
  return new Set(all.map(({ image }) => image));
}

/** With an inspect of each container: what `docker update` changed shows nowhere else. */
export async function observeClosely(
  context: Context,
  desired: Desired,
  listed: Promise<ProjectListing>,
  signal: AbortSignal,
): Promise<Observed> {
  const observed = await observe(context, desired, listed, signal);
  const ids = new Set(observed.containers.map(({ id }) => id));
  const details = await collect(ids, (id) => context.engine.inspectContainer(id, signal));
  return { ...observed, details };
}

/** Names that the project wants and that carry no label of it. */
function unlisted(
  wanted: ReadonlyMap<string, { readonly name: string }>,
  listed: readonly { readonly name: string }[],
): Set<string> {
  const names = new Set(listed.map(({ name }) => name));
  return new Set([...wanted.values()].map(({ name }) => name).filter((name) => !names.has(name)));
}

/** What each container's manifest says it was given. */
async function readDelivered(
  delivery: Delivery,
  { containers }: ProjectListing,
  known: ReadonlyMap<string, Manifest>,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, DeliveredVersions>> {
  const generations = containers.flatMap(({ labels }) => labels[DSO.generation] ?? []);
  const others = new Set(generations.filter((id) => !known.has(id)));
  const manifests = new Map([
    ...known,
    ...(await collect(others, (id) => delivery.manifest(id, signal))),
  ]);
  return new Map(
    generations.flatMap((id) => {
      const versions = manifests.get(id)?.versions;
      return versions === undefined ? [] : [[id, new Map(Object.entries(versions))]];
    }),
  );
}

/** Generations whose containers bind a program that is gone: they would not start again. */
function withoutShim({ containers }: ProjectListing, { shim }: Context): readonly string[] {
  return containers.flatMap(({ labels, mounts }) => {
    const bound = mounts.find(({ target }) => target === SHIM_TARGET)?.source;
    return bound === undefined || shim.isThere(bound) ? [] : (labels[DSO.generation] ?? []);
  });
}

/** By generation, a path of it that its container binds. */
function boundGenerations({ containers }: ProjectListing): ReadonlyMap<string, string> {
  const found = containers.flatMap((container): readonly [string, string][] => {
    const id = container.labels[DSO.generation];
    const mount = container.mounts.find((one) => isOfGeneration(one, id));
    return id === undefined || mount === undefined ? [] : [[id, mount.source]];
  });
  return new Map(found);
}

/** Looks all of them up, a few at a time; what does not exist is left out. */
async function collect<T>(
  keys: ReadonlySet<string>,
  look: (key: string) => Promise<T | undefined>,
): Promise<Map<string, T>> {
  const waiting = [...keys].sort();
  const found = new Map<string, T>();
  const worker = async (): Promise<void> => {
    for (let key = waiting.shift(); key !== undefined; key = waiting.shift()) {
      const value = await look(key);
      if (value !== undefined) found.set(key, value);
    }
  };
  await Promise.all(Array.from({ length: 8 }, worker));
  return new Map([...found].sort(([a], [b]) => (a < b ? -1 : 1)));
}
