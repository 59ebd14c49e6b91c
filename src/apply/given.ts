/** What containers were given, by whichever run it was: it may stand in what they say. */
import { DSO } from "../model/labels.ts";
import type { ObservedContainer } from "../model/observed.ts";
import type { Delivery } from "../model/delivery.ts";
import type { Engine } from "../model/ports.ts";
import { Secret } from "../model/secret.ts";
import { readSpec, valueNames } from "../model/spec.ts";
import { createScrubber, type Scrubber } from "./scrub.ts";

interface Tools {
  readonly engine: Pick<Engine, "inspectContainer">;
  readonly delivery: Pick<Delivery, "known">;
}

type Container = Pick<ObservedContainer, "id" | "labels">;

/** The scrubber takes that out, too, from now on. */
export async function learnGiven(
  scrubber: Pick<Scrubber, "learn">,
  containers: readonly Container[],
  tools: Tools,
  signal: AbortSignal,
): Promise<void> {
  for (const container of containers) {
    const given = await givenTo(container, tools, signal);
    scrubber.learn(given);
    for (const value of given) value.drop();
  }
}

/** A scrubber that knows what these were given, and nothing else. */
export async function scrubberFor(
  containers: readonly Container[],
  tools: Tools,
  signal: AbortSignal,
): Promise<Scrubber> {
  const scrubber = createScrubber([]);
  await learnGiven(scrubber, containers, tools, signal);
  return scrubber;
}

async function givenTo(
  container: Container,
  { engine, delivery }: Tools,
  signal: AbortSignal,
): Promise<readonly Secret[]> {
  const generation = container.labels[DSO.generation];
  const known = generation === undefined ? [] : await delivery.known(generation, signal);
  const names = exposedNames(container);
  if (names.size === 0) return known;
  const detail = await engine.inspectContainer(container.id, signal);
  const shown = (detail?.config.Env ?? []).flatMap((entry) => {
    const [name = "", ...value] = entry.split("=");
    return names.has(name) ? [new Secret(Buffer.from(value.join("=")))] : [];
  });
  return [...known, ...shown];
}

/** Variables whose values stand in the container's configuration. */
function exposedNames({ labels }: Container): ReadonlySet<string> {
  const spec = readSpec(labels);
  if (spec === undefined || spec.env === "sealed") return new Set();
  return valueNames(spec);
}
