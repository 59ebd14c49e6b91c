import type { ProjectListing } from "../model/ports.ts";
import type { Operation } from "../model/plan.ts";
import type { Done, Work } from "./context.ts";
import { failureOf } from "./failure.ts";

/**
 * After a run that failed: takes away the networks that it made and that nobody came to use, and
 * answers which operations have nothing to show for themselves any more. The successor of a network
 * that was there before stays. What cannot be looked at or removed is left to the next run, and said.
 */
export async function takeBack(
  work: Work,
  done: ReadonlyMap<Operation, Done>,
): Promise<readonly Operation[]> {
  const undone: Operation[] = [];
  await tidyIfPossible(work, async () => {
    const listing = await work.engine.listProject(work.desired.project.name, work.force);
    for (const [operation, result] of done) {
      if (await isUndone(work, listing, operation, result)) undone.push(operation);
    }
  });
  return undone;
}

/** At the end of a run: what fails here is left to the next one, and hides nothing of this one. */
export async function tidyIfPossible(work: Work, tidy: () => Promise<unknown>): Promise<void> {
  try {
    await tidy();
  } catch (error) {
    const { message } = failureOf(error, work.scrubber, work.force);
    work.report({ type: "warning", code: "not-tidied", message });
  }
}

async function isUndone(
  { engine, desired, former, force }: Work,
  { containers }: ProjectListing,
  operation: Operation,
  { containerId }: Done,
): Promise<boolean> {
  if (operation.kind === "create-container") {
    // A dependency that did not come to serve was removed by whoever waited for it.
    return containers.every(({ id }) => id !== containerId);
  }
  if (operation.kind !== "create-network" || former.has(operation.network)) return false;
  const name = desired.project.networks.get(operation.network)?.name;
  // Also a container that is stopped, or was never started, cannot do without its network.
  const used = containers.some(({ networks }) => networks.some((one) => one.network === name));
  if (name === undefined || used) return false;
  await engine.removeNetwork(name, force);
  return true;
}
