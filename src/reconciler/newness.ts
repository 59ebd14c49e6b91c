/** Whether registries have newer images than the engine. */
import type { Desired, DesiredService } from "../model/desired.ts";
import { DsoError } from "../model/errors.ts";
import { pullPolicyOf } from "../model/images.ts";
import type { ImageDetail, Newness, Observed } from "../model/observed.ts";
import type { PlanOptions } from "../model/plan.ts";
import type { Context } from "./context.ts";

/** As old as what a registry said may be where a file wants the newest: an agent looks more often than registries like to be asked. */
const FRESH_MS = 5 * 60_000;

/**
 * By image, of those that are here and are to be the newest: `pull_policy: always`, one of a time
 * that is over, or `--pull always`. What is not known is no reason to stop: it says why.
 */
export async function askRegistries(
  { engine, clock }: Pick<Context, "engine" | "clock">,
  { services }: Desired,
  images: Observed["images"],
  options: PlanOptions,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Newness>> {
  const wanted = new Map<string, number>();
  for (const service of services.values()) {
    const image = images.get(service.image);
    const maxAgeMs = image && askAfter(service, image, options, clock.now());
    if (maxAgeMs === undefined) continue;
    wanted.set(service.image, Math.min(maxAgeMs, wanted.get(service.image) ?? maxAgeMs));
  }
  const found = [...wanted]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(async ([name, maxAgeMs]) => {
      const digests = images.get(name)?.digests ?? [];
      const ask = engine.registryDigest(name, digests, maxAgeMs, signal);
      return [name, await newness(ask, digests, signal)] as const;
    });
  return new Map(await Promise.all(found));
}

async function newness(
  ask: Promise<string>,
  digests: readonly string[],
  signal: AbortSignal,
): Promise<Newness> {
  try {
    const digest = await ask;
    return { kind: digests.some((one) => one.endsWith(`@${digest}`)) ? "same" : "newer" };
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof DsoError)) throw error;
    return { kind: "unknown", why: error.message };
  }
}

/** How old an answer of its registry may be, ms; undefined: there is nothing to ask. */
function askAfter(
  { image, model }: DesiredService,
  { taggedAt = 0 }: ImageDetail,
  { pull }: PlanOptions,
  now: number,
): number | undefined {
  // A digest names one image for ever, and what is only built no registry knows.
  if (image.includes("@") || !model.image) return undefined;
  if (pull !== "policy") return pull === "always" ? 0 : undefined;
  const policy = pullPolicyOf(model);
  if (policy.kind === "always") return FRESH_MS;
  if (policy.kind !== "refresh") return undefined;
  return taggedAt + policy.afterMs <= now ? policy.afterMs : undefined;
}
