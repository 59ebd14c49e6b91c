/** Containers that exist already. */
import { DSO } from "../model/labels.ts";
import { isJob } from "../model/jobs.ts";
import type { OperationOf } from "../model/plan.ts";
import { dropBelongings } from "./container/belongings.ts";
import { serviceOf } from "./container/container.ts";
import { handedOnVolumes, removeVolumes } from "./container/handedOn.ts";
import type { Done, Handler, Work } from "./context.ts";
import { failureOf, tellLastWords } from "./failure.ts";
import { runForerunners } from "./hooks/preStart.ts";
import { startAgain } from "./hooks/start.ts";
import { forget } from "./journal/halt.ts";
import type { RotationLog } from "./journal/rotation.ts";
import { waitRunning } from "./rollout/health.ts";
import { stopNoted } from "./rollout/stop.ts";

/** How long a started container is watched for an early death. */
const EARLY_MS = 1000;

export const startContainer: Handler<"start-container"> = async (operation, work, signal) => {
  const { containerId: id } = operation;
  const service = serviceOf(work, operation.service);
  await runForerunners(work, { operation, service, id }, signal);
  await startAndWatch(operation, work, undefined, signal);
  return { containerId: id };
};

export const restartContainer: Handler<"restart-container"> = async (operation, work, signal) => {
  const stop = await stopNoted(operation, work, signal);
  try {
    await startAndWatch(operation, work, stop, signal);
  } catch (thrown) {
    work.force.throwIfAborted();
    // The stop itself is over: nobody has to wait for its end.
    if (stop !== undefined) await forget(work, stop);
    throw thrown;
  }
  return { containerId: operation.containerId, ...entryOf(stop) };
};

function entryOf(stop: RotationLog | undefined): Pick<Done, "stop"> {
  return stop === undefined ? {} : { stop: stop.now.id };
}

async function startAndWatch(
  operation: OperationOf<"start-container"> | OperationOf<"restart-container">,
  work: Work,
  stop: RotationLog | undefined,
  signal: AbortSignal,
): Promise<void> {
  const { containerId: id } = operation;
  const desired = serviceOf(work, operation.service);
  const settleMs = Math.min(desired.policy.health.settleMs, EARLY_MS);
  const tools = { ...work, scrub: work.scrubber.scrub };
  const ending = AbortSignal.any([signal, work.force]);
  await startAgain(work, { operation, service: desired, id }, stop, signal);
  try {
    await waitRunning(tools, id, settleMs, isJob(work.desired, desired), ending);
  } catch (thrown) {
    work.force.throwIfAborted();
    throw await tellLastWords(work, operation, id, failureOf(thrown, work.scrubber, signal));
  }
}

export const unpauseContainer: Handler<"unpause-container"> = async ({ containerId: id }, work) => {
  await work.engine.unpauseContainer(id, work.force);
  return { containerId: id };
};

export const renameContainer: Handler<"rename-container"> = async (
  { containerId: id, name },
  work,
) => {
  await work.engine.renameContainer(id, name, work.force);
  work.roster.rename(id, name);
  return { containerId: id };
};

export const stopContainer: Handler<"stop-container"> = async (operation, work, signal) => ({
  containerId: operation.containerId,
  ...entryOf(await stopNoted(operation, work, signal)),
});

/** With its memory directory and its addresses; where volumes go, with those of its forerunner. */
export const removeContainer: Handler<"remove-container"> = async (
  { containerId: id, volumes },
  work,
) => {
  const container = await work.engine.inspectContainer(id, work.force);
  await work.engine.removeContainer(id, { force: true, volumes }, work.force);
  if (volumes && container !== undefined) {
    await removeVolumes(work, handedOnVolumes(work, container), work.force);
  }
  work.roster.remove(id);
  const labels = container?.labels ?? {};
  const had = { generation: labels[DSO.generation], rotation: labels[DSO.rotation] };
  await dropBelongings(work, work.plan.project, had, work.force);
  return { containerId: id };
};
