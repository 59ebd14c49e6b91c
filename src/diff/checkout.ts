import { DsoError } from "../model/errors.ts";
import { COMPOSE } from "../model/labels.ts";
import { nameList } from "./reasons.ts";
import type { Situation } from "./situation.ts";

/**
 * Two directories with one project name would each take the other's services for
 * orphans. Rejects with `engine-conflict` before anything of the other is removed.
 */
export function refuseOtherCheckout({
  desired,
  inventory,
  options,
  selection,
}: Pick<Situation, "desired" | "inventory" | "options" | "selection">): void {
  if (options.removeOrphans !== "ours") return;
  const { name, workingDir } = desired.project;
  const made = Map.groupBy(
    inventory.orphans.filter(({ service, number }) => selection.container(service, number)),
    ({ container }) => container.labels[COMPOSE.workingDir] ?? workingDir,
  );
  made.delete(workingDir);
  for (const [directory, orphans] of made) {
    const services = nameList([...new Set(orphans.map(({ service }) => service))]);
    throw new DsoError(
      "engine-conflict",
      `project "${name}" also runs from ${directory}, with ${services}: that would be removed`,
      {
        hint: "Give one of them another name (-p, or name: in the file). If that directory has moved here, say so once: dso up --remove-orphans.",
      },
    );
  }
}
