import { DSO } from "../../model/labels.ts";
import { isOpen } from "../journal/journal.ts";
import type { RotationTools } from "../journal/rotation.ts";

/** Drops the memory directories that no container of the project reads and no open rotation needs. */
export async function sweepGenerations(
  project: string,
  { engine, journal, delivery }: Pick<RotationTools, "engine" | "journal" | "delivery">,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const { containers } = await engine.listProject(project, signal);
  const open = (await journal.list(project)).filter(isOpen);
  const owned = [
    ...containers.map(({ labels }) => labels[DSO.generation]),
    ...open.flatMap((rotation) => [rotation.old?.generation, rotation.new?.generation]),
  ];
  return delivery.sweep(project, new Set(owned.flatMap((id) => id ?? [])), signal);
}
