import type { DsoError } from "../../model/errors.ts";
import type { Operation, OperationOf } from "../../model/plan.ts";
import { begin, NO_MEMBER } from "./begin.ts";
import type { Making } from "../container/composeBody.ts";
import { makeContainer } from "../container/container.ts";
import { provide } from "../container/provide.ts";
import type { Done, Work } from "../context.ts";
import { failureOf, tellLastWords } from "../failure.ts";
import { startNew } from "../hooks/start.ts";
import { waitRunning } from "./health.ts";
import { refuseAborted, type RotationLog } from "../journal/rotation.ts";
import { goBack } from "../recovery/undo.ts";

type Create = OperationOf<"create-container">;

/** A new container is watched so long for an early death; whoever depends on it waits for more. */
const EARLY_MS = 1000;

/** Makes and starts one container where none was; a failure leaves nothing behind. */
export async function createContainer(
  operation: Create,
  work: Work,
  signal: AbortSignal,
): Promise<Done> {
  const { making, log } = begin(work, operation, undefined);
  try {
    await makeAndStart(operation, work, making, log, signal);
  } catch (thrown) {
    work.force.throwIfAborted();
    throw await takeAway(operation, work, log, failureOf(thrown, work.scrubber, signal));
  }
  await log.end("completed");
  const containerId = log.now.new?.id ?? "";
  work.roster.put(operation.service, operation.number, { id: containerId, name: operation.name });
  work.roster.fresh.set(containerId, log);
  return { containerId, rotation: log.now };
}

async function makeAndStart(
  operation: Create,
  work: Work,
  making: Making,
  log: RotationLog,
  signal: AbortSignal,
): Promise<void> {
  const provided = await provide(work, making, log.step("deliver"), work.force);
  const member = { ...NO_MEMBER, name: operation.name, generation: provided.generation?.id };
  await log.step("create-new", { new: member });
  const candidate = { name: operation.name, policy: undefined, hidden: false };
  const made = await makeContainer(work, making, provided, candidate, work.force);
  const { id, restartPolicy } = made;
  refuseAborted(signal);
  log.learn({ new: { ...member, id, restartPolicy } });
  await startNew(work, { operation, ...making, id }, log, signal);
  await log.step("await-health", { new: { ...member, id, restartPolicy, running: true } });
  const tools = { ...work, scrub: work.scrubber.scrub };
  const settleMs = Math.min(making.service.policy.health.settleMs, EARLY_MS);
  const stop = AbortSignal.any([signal, work.force]);
  await waitRunning(tools, id, settleMs, operation.oneShot, stop);
}

/** Removes a container that this run made, its last words first; answers the error that tells of them. */
export async function takeAway(
  operation: Operation,
  work: Work,
  log: RotationLog,
  failure: DsoError,
): Promise<DsoError> {
  const id = log.now.new?.id;
  const ran = id !== undefined && log.now.new?.running === true;
  const error = ran ? await tellLastWords(work, operation, id, failure) : failure;
  await goBack(work, log, error, work.force);
  if (id !== undefined) work.roster.remove(id);
  return error;
}
