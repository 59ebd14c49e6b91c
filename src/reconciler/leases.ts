/** Credentials that were issued for a time: which of them nobody has any more, and so are given back. */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { isOpen } from "../apply/journal/journal.ts";
import type { Config } from "../config/types.ts";
import { deliveredVersions } from "../diff/delivered.ts";
import { inspectLock } from "../lib/lockRecord.ts";
import { isGone } from "../lib/process.ts";
import { DsoError, hasCode } from "../model/errors.ts";
import { DSO } from "../model/labels.ts";
import type { Rotation } from "../model/journal.ts";
import type { Lease, Leases } from "../model/leases.ts";
import { secretName } from "../model/reference.ts";
import type { Context } from "./context.ts";

type Sources = Pick<
  Context,
  "config" | "delivery" | "engine" | "journal" | "paths" | "providers" | "state"
>;

/** A lease, by the name that references have for it. */
export interface Held {
  /** `db:app` */
  readonly secret: string;
  readonly lease: Lease;
  readonly of: Leases;
}

/** What giving back came to. */
export interface GivenBack {
  readonly ended: readonly Held[];
  /** Still to be given back, once no container has it, or the store takes it. */
  readonly waiting: number;
  readonly faults: readonly DsoError[];
}

const NOTHING: GivenBack = { ended: [], waiting: 0, faults: [] };

/** Names of the providers that issue credentials for a time. */
export function leasedProviders({ providers }: Config): readonly string[] {
  return [...providers.values()].filter(({ leased }) => leased).map(({ name }) => name);
}

/** All leases of these stores, as far as they can be opened; nothing is asked of them. */
export async function heldLeases(
  { config, providers }: Pick<Context, "config" | "providers">,
  stores: readonly string[] = leasedProviders(config),
): Promise<{
  readonly held: readonly Held[];
  readonly faults: readonly DsoError[];
}> {
  const held: Held[] = [];
  const faults: DsoError[] = [];
  for (const provider of stores) {
    try {
      const of = (await providers.get(provider)).leases;
      for (const lease of (await of?.list()) ?? []) {
        const secret = secretName({ provider, path: lease.path });
        if (of !== undefined) held.push({ secret, lease, of });
      }
    } catch (error) {
      if (!(error instanceof DsoError)) throw error;
      faults.push(error);
    }
  }
  return { held, faults };
}

/**
 * Gives back what no container of this engine has, and no run is about to give to one: what a later one has
 * replaced, and what no project names any more. What another engine's projects name ends by itself: nobody
 * here sees who has it. Only of these stores: one that does not answer holds up none of the others.
 */
export async function giveBackUnused(
  context: Sources,
  stores: readonly string[],
  signal: AbortSignal,
): Promise<GivenBack> {
  const { held, faults: unopened } = await heldLeases(context, stores);
  if (held.length === 0) return { ...NOTHING, faults: unopened };
  const projects = await context.state.projects();
  const named = new Set(projects.flatMap(({ secrets }) => secrets));
  const unwanted = held.filter(({ secret, lease }) => !lease.newest || !named.has(secret));
  if (unwanted.length === 0) return { ...NOTHING, faults: unopened };
  const { id } = await context.engine.info(signal);
  const foreign = projects.filter(({ engineId }) => engineId !== id);
  const elsewhere = new Set(foreign.flatMap(({ secrets }) => secrets));
  // First who is at work, then what there is: whoever ends in between has made it by then.
  const since = await oldestRun(context);
  const carried = await carriedVersions(context, signal);
  const unused = unwanted.filter(
    ({ secret, lease: { version, readAt } }) =>
      !elsewhere.has(secret) && !carried.has(`${secret}@${version}`) && readAt < since,
  );
  const ended: Held[] = [];
  const faults: DsoError[] = [...unopened];
  const endEach = async (some: readonly Held[]): Promise<void> => {
    for (const one of some) {
      try {
        if (await one.of.end(one.lease, signal)) ended.push(one);
      } catch (error) {
        if (!(error instanceof DsoError)) throw error;
        faults.push(error);
      }
    }
  };
  await Promise.all([...Map.groupBy(unused, ({ of }) => of).values()].map(endEach));
  return { ended, waiting: unwanted.length - ended.length, faults };
}

/** What was delivered before has ended, or was given back, and what is delivered instead lives. */
export async function isForwardOnly(
  context: Pick<Context, "clock" | "config" | "providers">,
  { from, to }: Rotation["versions"],
): Promise<boolean> {
  const { held, faults } = await heldLeases(context);
  const now = context.clock.now();
  const alive = new Set(
    held
      .filter(({ lease }) => now < lease.expiresAt)
      .map(({ secret, lease }) => `${secret}@${lease.version}`),
  );
  const issuers = new Set(leasedProviders(context.config));
  const isOver = ([name, version]: readonly [string, string]): boolean =>
    issuers.has(name.split(":")[0] ?? "") && !alive.has(leaseKey(name, version));
  // Of a store that cannot be opened nothing is known.
  if (faults.length > 0) return false;
  return Object.entries(from).some(isOver) && !Object.entries(to).some(isOver);
}

/** Of the name of a value: its key is no part of its secret's. */
function leaseKey(name: string, version: string): string {
  return `${name.split("#")[0] ?? ""}@${version}`;
}

/** When the run began that is at work for longest, ms since the epoch: what it has read it may be about to deliver. */
async function oldestRun({ paths }: Sources): Promise<number> {
  const owners = (await namesIn(paths.locksDir))
    .filter((name) => /^project-.*\.lock$/.test(name))
    .flatMap((name) => inspectLock(join(paths.locksDir, name)) ?? [])
    .filter((owner) => !isGone(owner))
    .map(({ created }) => Date.parse(created));
  return Math.min(Infinity, ...owners.map((at) => (Number.isNaN(at) ? 0 : at)));
}

async function namesIn(directory: string): Promise<readonly string[]> {
  return readdir(directory).catch((error: unknown) => {
    if (hasCode(error, "ENOENT")) return [];
    throw error;
  });
}

/** `db:app@g7`, of all containers of the engine, stopped ones too, and of what is half done. */
async function carriedVersions(
  { engine, delivery, journal }: Sources,
  signal: AbortSignal,
): Promise<ReadonlySet<string>> {
  const carried = new Set<string>();
  const add = (versions: Iterable<readonly [string, string]>): void => {
    for (const [name, version] of versions) carried.add(leaseKey(name, version));
  };
  for (const { labels } of await engine.listContainers({ label: DSO.secrets }, signal)) {
    const generation = labels[DSO.generation];
    const manifest =
      generation === undefined ? undefined : await delivery.manifest(generation, signal);
    add(
      manifest === undefined
        ? (deliveredVersions(labels) ?? [])
        : Object.entries(manifest.versions),
    );
  }
  for (const project of await journal.projects()) {
    for (const { versions } of (await journal.list(project)).filter(isOpen)) {
      for (const side of [versions.from, versions.to]) add(Object.entries(side));
    }
  }
  return carried;
}
