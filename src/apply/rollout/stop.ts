import { COMPOSE } from "../../model/labels.ts";
import type { OperationOf } from "../../model/plan.ts";
import type { Done, Work } from "../context.ts";
import { isRefusal } from "../failure.ts";
import { beforeStop } from "../hooks/stop.ts";
import { memberOf, openLog, timestamp } from "../journal/rotation.ts";

/**
 * Stops a container, the intent on disk before: the engine goes on with a stop whose
 * sender was killed, and the next run must not take for running what is about to end.
 */
export async function stopNoted(
  { containerId: id, why }: OperationOf<"stop-container"> | OperationOf<"restart-container">,
  work: Work,
  signal: AbortSignal,
): Promise<Pick<Done, "stop">> {
  const container = await work.engine.inspectContainer(id, work.force);
  if (container === undefined) return {};
  const { name, labels, startedAt } = container;
  const service = work.desired.services.get(labels[COMPOSE.service] ?? "");
  await beforeStop(work, service, container, () => Promise.resolve(), signal);
  const stop = work.random.hex(8);
  const at = timestamp(work);
  const log = openLog(work, {
    id: stop,
    project: work.plan.project,
    service: labels[COMPOSE.service] ?? "",
    number: Number(labels[COMPOSE.number] ?? "1"),
    name,
    method: "stop",
    status: "in_progress",
    step: "stop-old",
    why,
    startedAt: at,
    updatedAt: at,
    old: memberOf(container),
    new: undefined,
    versions: { from: {}, to: {} },
    error: undefined,
  });
  await log.note({ stopping: startedAt });
  try {
    await work.engine.stopContainer(id, work.plan.options.stopTimeout, work.force);
  } catch (error) {
    // Refused, nothing is on its way: the next run must not try on its own.
    if (isRefusal(error)) await work.journal.remove(work.plan.project, new Set([stop]));
    throw error;
  }
  return { stop };
}
