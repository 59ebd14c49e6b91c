import { learnGiven } from "../apply/given.ts";
import { createScrubber, type Scrubber } from "../apply/scrub.ts";
import { type Desired, isHostContentName, referencesOf } from "../model/desired.ts";
import { DsoError } from "../model/errors.ts";
import { DSO } from "../model/labels.ts";
import type { ObservedContainer } from "../model/observed.ts";
import { isGiven, isGivenName } from "../model/programs.ts";
import type { Reference } from "../model/reference.ts";
import type { Secret } from "../model/secret.ts";
import { readValues } from "../providers/values.ts";
import type { Context } from "../reconciler/context.ts";

/**
 * Knows all values that these containers may print: the current ones, and those of
 * the versions that they were given. Rejects where a store does not answer: text
 * that nothing was taken out of must not be shown by who promises to take it out.
 */
export async function projectScrubber(
  context: Context,
  desired: Desired,
  containers: readonly ObservedContainer[],
  signal: AbortSignal,
): Promise<Scrubber> {
  const limits = { maxSecretBytes: context.config.agent.cache.maxSecretBytes };
  const read = (references: readonly Reference[]): Promise<ReadonlyMap<string, Secret>> =>
    readValues(context.providers, references, desired.versions, limits, signal);
  // To read what is issued for a time is to have it issued: of that, what containers were given will do.
  const isStored = ({ provider }: Reference): boolean =>
    context.config.providers.get(provider)?.leased !== true;
  const references = [...desired.services.values()].flatMap(({ bindings }) =>
    bindings.flatMap(({ template }) =>
      referencesOf(template).filter((one) => isStored(one) && !isGiven(one)),
    ),
  );
  const values: Secret[] = [];
  try {
    for (const group of Map.groupBy(references, ({ pinned }) => pinned).values()) {
      values.push(...(await read(group)).values());
    }
    const delivered = await deliveredReferences(context, containers, signal);
    for (const earlier of delivered.filter(isStored)) {
      values.push(...(await read([earlier]).catch(unlessGone)).values());
    }
    const scrubber = createScrubber(values);
    // Also what no store has any more.
    await learnGiven(scrubber, containers, context, signal);
    return scrubber;
  } finally {
    for (const value of values) value.drop();
  }
}

/** What the manifests say was delivered, each pinned to its version. */
async function deliveredReferences(
  { delivery }: Context,
  containers: readonly ObservedContainer[],
  signal: AbortSignal,
): Promise<readonly Reference[]> {
  const found = new Map<string, Reference>();
  for (const generation of containers.flatMap(({ labels }) => labels[DSO.generation] ?? [])) {
    const manifest = await delivery.manifest(generation, signal);
    for (const [name, version] of Object.entries(manifest?.versions ?? {})) {
      // Nothing older than what the host holds now could be read, and nothing of what programs gave.
      if (isHostContentName(name) || isGivenName(name)) continue;
      found.set(`${name}@${version}`, parseValueName(name, version));
    }
  }
  return [...found.values()];
}

function parseValueName(name: string, pinned: string): Reference {
  const [, provider = "", path = "", key] = /^([^:]*):([^#]*)(?:#(.*))?$/s.exec(name) ?? [];
  return {
    scheme: "dso",
    provider,
    path: decodeURIComponent(path),
    ...(key === undefined ? {} : { key }),
    pinned,
    file: {},
    text: name,
  };
}

/** A version that is gone, or a key that it no longer has, can not be looked for. */
function unlessGone(error: unknown): ReadonlyMap<string, Secret> {
  const gone = ["secret-version-gone", "secret-missing"];
  if (error instanceof DsoError && gone.includes(error.code)) return new Map();
  throw error;
}
