import { isGone } from "../../lib/process.ts";
import { describeSelf, parseOwner } from "../../lib/lockRecord.ts";
import { COMPOSE, DSO } from "../../model/labels.ts";
import type { Engine } from "../../model/ports.ts";

type Sweeping = Pick<
  Engine,
  "listContainers" | "stopContainer" | "removeContainer" | "listNetworks" | "removeNetwork"
>;

/**
 * Removes the containers that a killed process had made to read files of images, none of which ever
 * ran, or to run before a service, and the networks that it had made to try a driver.
 */
export async function removeLeftovers(engine: Sweeping, signal: AbortSignal): Promise<void> {
  for (const { id, labels, state } of await engine.listContainers(
    { label: DSO.throwaway },
    signal,
  )) {
    if (!isAbandoned(labels)) continue;
    if (labels[COMPOSE.oneoff] === "True") await endEarly(engine, id, signal);
    else if (state === "created") {
      await engine.removeContainer(id, { force: false, volumes: true }, signal);
    }
  }
  for (const { id, labels } of await engine.listNetworks(signal)) {
    if (isAbandoned(labels)) await engine.removeNetwork(id, signal);
  }
}

/** In its own time: it may be in the middle of something, or about to begin. */
async function endEarly(engine: Sweeping, id: string, signal: AbortSignal): Promise<void> {
  await engine.stopContainer(id, undefined, signal);
  await engine.removeContainer(id, { force: true, volumes: true }, signal);
}

/** Another machine may work on the same engine: whether a process lives there cannot be told from here. */
function isAbandoned(labels: Readonly<Record<string, string>>): boolean {
  const label = labels[DSO.throwaway];
  if (label === undefined) return false;
  const owner = parseOwner("", label);
  const self = describeSelf("", "");
  const isHere = owner.bootId === self.bootId || owner.hostname === self.hostname;
  return isHere && isGone(owner);
}
