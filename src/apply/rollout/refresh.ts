import { DsoError } from "../../model/errors.ts";
import type { ContainerDetail } from "../../model/observed.ts";
import type { OperationOf } from "../../model/plan.ts";
import { serviceOf } from "../container/container.ts";
import { deliveryFor } from "../container/provide.ts";
import type { Done, Work } from "../context.ts";
import { failureOf, tellLastWords } from "../failure.ts";
import {
  isNotedAsFailed,
  openLog,
  memberOf,
  type RotationLog,
  timestamp,
} from "../journal/rotation.ts";
import { versionsOf } from "../memory/values.ts";
import { putBack } from "../recovery/refreshed.ts";
import { DSO } from "../../model/labels.ts";
import { budgetFor } from "./budget.ts";
import { waitSteady, waitWatched } from "./verify.ts";

type Refresh = OperationOf<"refresh-container">;

/**
 * Puts new files under a running container and tells its process. Health is the verdict, as of a new
 * container: where it does not come back, the old files do, and the process is told again.
 */
export async function refreshContainer(
  operation: Refresh,
  work: Work,
  signal: AbortSignal,
): Promise<Done> {
  const container = await work.engine.inspectContainer(operation.containerId, work.force);
  const generation = container?.labels[DSO.generation];
  if (container === undefined || generation === undefined) throw gone(operation);
  const log = await begin(operation, work, container, generation);
  try {
    await tell(operation, work, container, log, generation, signal);
  } catch (thrown) {
    work.force.throwIfAborted();
    const failure = failureOf(thrown, work.scrubber, signal);
    throw await undo(operation, work, container, log, failure);
  }
  await log.end("completed");
  return { containerId: container.id, rotation: log.now };
}

function gone({ containerId }: Refresh): DsoError {
  const id = containerId.slice(0, 12);
  return new DsoError("plan-stale", `container ${id} was removed since the plan was made`, {
    hint: "Make a new plan.",
  });
}

async function begin(
  operation: Refresh,
  work: Work,
  container: ContainerDetail,
  generation: string,
): Promise<RotationLog> {
  const service = serviceOf(work, operation.service);
  const manifest = await work.delivery.manifest(generation, work.force);
  const files = await work.delivery.reading(generation, work.force);
  const at = timestamp(work);
  const rotation = work.random.hex(8);
  const { number, why, signal, monitorMs } = operation;
  return openLog(
    work,
    {
      ...{ id: rotation, project: work.plan.project, service: service.name, number },
      ...{ name: container.name, method: "refresh", status: "in_progress", step: "deliver", why },
      ...{ startedAt: at, updatedAt: at, old: memberOf(container), new: undefined },
      ...(signal === undefined ? {} : { signal }),
      ...(files === undefined ? {} : { files }),
      ...(monitorMs === undefined ? {} : { monitorMs }),
      versions: { from: manifest?.versions ?? {}, to: versionsOf(service, work.desired) },
      error: undefined,
    },
    (step) => work.report({ type: "rotation-step", operation, rotation, step }),
  );
}

async function tell(
  { service: name, number, signal: posix, monitorMs = 0 }: Refresh,
  work: Work,
  container: ContainerDetail,
  log: RotationLog,
  generation: string,
  signal: AbortSignal,
): Promise<void> {
  const { engine, clock, force } = work;
  const begun = clock.elapsed();
  const service = serviceOf(work, name);
  const request = await deliveryFor(work, service, number, force);
  await log.step("swap-files");
  await work.delivery.refresh(generation, request, force);
  if (posix !== undefined) {
    await log.step("send-signal");
    await engine.killContainer(container.id, posix, force);
  }
  await log.step("await-health");
  const tools = { engine, clock, scrub: work.scrubber.scrub };
  const stop = AbortSignal.any([signal, force]);
  await waitSteady(tools, container, budgetFor(service.policy, clock.elapsed() - begun), stop);
  if (monitorMs === 0) return;
  await log.step("watch-new");
  const watched = { ...container, oneShot: false };
  await waitWatched(tools, watched, service.policy.health, monitorMs, stop);
}

async function undo(
  operation: Refresh,
  work: Work,
  container: ContainerDetail,
  log: RotationLog,
  failure: DsoError,
): Promise<DsoError> {
  if (log.now.step === "deliver") {
    await log.end("failed", failure);
    return failure;
  }
  const error = await tellLastWords(work, operation, container.id, failure);
  const { rollbackOnFailure } = serviceOf(work, operation.service).policy;
  const isLeft = !rollbackOnFailure && failure.code !== "aborted";
  if (isLeft && (await isNotedAsFailed(log, error))) return error;
  await putBack(work, log, error, work.force);
  if (log.now.status === "rolled_back") {
    work.report({ type: "rolled-back", operation, rotation: log.now.id, error });
  }
  if (error.code === "aborted") return error;
  if (log.now.status !== "rolled_back") {
    const message = `service ${operation.service} could not be given its old files back: ${error.message}`;
    return new DsoError("rollback-failed", message, {
      hint: "`dso apply` makes its container anew.",
      cause: error,
    });
  }
  return new DsoError(
    "rolled-back",
    `service ${operation.service} has its old files again: with the new ones it failed: ${error.message}`,
    { ...(error.hint === undefined ? {} : { hint: error.hint }), cause: error },
  );
}
