import { COMPOSE } from "../../model/labels.ts";
import type { OperationOf } from "../../model/plan.ts";
import type { Work } from "../context.ts";
import { isRefusal } from "../failure.ts";
import { announce } from "../hooks/owed.ts";
import { beforeStop } from "../hooks/stop.ts";
import { forget, openHalt } from "../journal/halt.ts";
import type { RotationLog } from "../journal/rotation.ts";

/**
 * Stops a container, the intent on disk before: the engine goes on with a stop whose
 * sender was killed, and the next run must not take for running what is about to end.
 * Answers its entry, which is to go at the end of the run; undefined where the container is gone.
 */
export async function stopNoted(
  { containerId: id, why }: OperationOf<"stop-container"> | OperationOf<"restart-container">,
  work: Work,
  signal: AbortSignal,
): Promise<RotationLog | undefined> {
  const container = await work.engine.inspectContainer(id, work.force);
  if (container === undefined) return undefined;
  const { labels, startedAt } = container;
  const service = work.desired.services.get(labels[COMPOSE.service] ?? "");
  const log = openHalt(work, "stop", container, why);
  try {
    await beforeStop(work, service, container, log, signal);
    await log.step("stop-old", { stopping: startedAt });
    await work.engine.stopContainer(id, work.plan.options.stopTimeout, work.force);
    return log;
  } catch (thrown) {
    work.force.throwIfAborted();
    // Unless refused it is on its way: then the next run waits for its end.
    if (log.now.step === "stop-old" && !isRefusal(thrown)) throw thrown;
    await announce(work, log, { side: "old", id, outcome: RUNS_ON }, work.force);
    await forget(work, log);
    throw thrown;
  }
}

const RUNS_ON = "the container runs on, as it did before";
