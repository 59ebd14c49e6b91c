import { isGone, parseOwner } from "../../lib/lockOwner.ts";
import { DSO } from "../../model/labels.ts";
import type { Engine } from "../../model/ports.ts";

/**
 * Removes the containers that a killed process had made to read files of images,
 * none of which ever ran, and the networks that it had made to try a driver.
 */
export async function removeLeftovers(
  engine: Pick<Engine, "listContainers" | "removeContainer" | "listNetworks" | "removeNetwork">,
  signal: AbortSignal,
): Promise<void> {
  for (const { id, labels, state } of await engine.listContainers(
    { label: DSO.throwaway },
    signal,
  )) {
    if (state !== "created" || !isAbandoned(labels)) continue;
    await engine.removeContainer(id, { force: false, volumes: true }, signal);
  }
  for (const { id, labels } of await engine.listNetworks(signal)) {
    if (isAbandoned(labels)) await engine.removeNetwork(id, signal);
  }
}

function isAbandoned(labels: Readonly<Record<string, string>>): boolean {
  const owner = labels[DSO.throwaway];
  return owner !== undefined && isGone(parseOwner("", owner));
}
