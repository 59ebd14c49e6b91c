import { isGone, parseOwner } from "../lib/lockOwner.ts";
import { DSO } from "../model/labels.ts";
import type { Engine } from "../model/ports.ts";

/** Removes the containers that a killed process had made to read files of images. None ever ran. */
export async function removeLeftovers(
  engine: Pick<Engine, "listContainers" | "removeContainer">,
  signal: AbortSignal,
): Promise<void> {
  for (const { id, labels, state } of await engine.listContainers(
    { label: DSO.throwaway },
    signal,
  )) {
    const abandoned = await isGone(parseOwner("", labels[DSO.throwaway] ?? ""));
    if (!abandoned || state !== "created") continue;
    await engine.removeContainer(id, { force: false, volumes: true }, signal);
  }
}
