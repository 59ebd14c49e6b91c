/** Anonymous volumes that a container has from its forerunner. */
import { COMPOSE } from "../../model/labels.ts";
import type { ContainerDetail } from "../../model/observed.ts";
import type { Work } from "../context.ts";
import { isConflict } from "../failure.ts";

/** The name that the engine gives to a volume that has none. */
const NAMELESS = /^[0-9a-f]{64}$/;

/**
 * The names of the volumes that no file names. The engine removes only those that it made for the
 * container itself, and takes one that was handed on for somebody's: it came by its name.
 */
export function handedOnVolumes(
  { desired }: Pick<Work, "desired">,
  { mounts, labels }: ContainerDetail,
): readonly string[] {
  const { project, services } = desired;
  const model = services.get(labels[COMPOSE.service] ?? "")?.model;
  // What a service that the files no longer know had at a place may have been named by them.
  if (model === undefined) return [];
  const places = new Set(
    (model.volumes ?? []).filter(({ source = "" }) => source !== "").map(({ target }) => target),
  );
  const named = new Set([...project.volumes.values()].map(({ name }) => name));
  return mounts.flatMap(({ type, name = "", target }) =>
    type === "volume" && NAMELESS.test(name) && !named.has(name) && !places.has(target) ? name : [],
  );
}

/** Removes those that nobody uses any more. */
export async function removeVolumes(
  { engine }: Pick<Work, "engine">,
  names: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  for (const name of names) {
    try {
      await engine.removeVolume(name, signal);
    } catch (error) {
      if (!isConflict(error)) throw error;
    }
  }
}
