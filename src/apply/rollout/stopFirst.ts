import { DsoError } from "../../model/errors.ts";
import { isJob } from "../../model/jobs.ts";
import type { ContainerDetail } from "../../model/observed.ts";
import type { OperationOf } from "../../model/plan.ts";
import { begin, NO_MEMBER } from "./begin.ts";
import { deliverFiles, makeContainer, type Making } from "../container/container.ts";
import type { Done, Work } from "../context.ts";
import { failureOf, tellLastWords } from "../failure.ts";
import { type Serving, waitServing } from "./health.ts";
import { findNew, freeName, refuseAborted, type RotationLog } from "../journal/rotation.ts";
import { goBack, goForward } from "../recovery/undo.ts";

type Replace = OperationOf<"replace-container">;

/** One replacement on its way. */
interface Swap {
  readonly operation: Replace;
  readonly work: Work;
  readonly making: Making;
  readonly old: ContainerDetail;
  readonly log: RotationLog;
}

/**
 * Stops the old container before the new one starts: never do two write at once.
 * The old one is kept until the new one serves, and comes back when it does not.
 */
export async function replaceStopFirst(
  operation: Replace,
  work: Work,
  signal: AbortSignal,
): Promise<Done> {
  const old = await work.engine.inspectContainer(operation.oldId, work.force);
  if (old === undefined) throw gone(operation);
  const swap: Swap = { operation, work, old, ...begin(work, operation, old) };
  let served: Serving & { readonly downtimeMs: number };
  try {
    await prepare(swap, signal);
    served = await switchOver(swap, signal);
  } catch (thrown) {
    work.force.throwIfAborted();
    throw await giveUp(swap, failureOf(thrown, work.scrubber, signal), signal);
  }
  return complete(swap, served);
}

function gone({ oldName }: Replace): DsoError {
  return new DsoError("plan-stale", `container ${oldName} was removed since the plan was made`, {
    hint: "Make a new plan.",
  });
}

/** Everything that can be done while the old container still serves. */
async function prepare({ work, making, log }: Swap, signal: AbortSignal): Promise<void> {
  await log.step("deliver");
  const generation = await deliverFiles(work, making, work.force);
  const name = await freeName(work, `${making.name}-new`, log.now, work.force);
  const member = { ...NO_MEMBER, name, generation: generation?.id };
  await log.step("create-new", { new: member });
  // An engine that restarts must not wake the one that has not proven itself.
  const candidate = { name, policy: { Name: "no" } } as const;
  const made = await makeContainer(work, making, generation, candidate, work.force);
  await log.note({ new: { ...member, ...made } });
  refuseAborted(signal);
}

async function switchOver(
  { work, making, old, log }: Swap,
  signal: AbortSignal,
): Promise<Serving & { readonly downtimeMs: number }> {
  const { engine, clock, force } = work;
  const id = newId(log);
  await log.step("detach-old");
  await engine.updateRestartPolicy(old.id, { Name: "no" }, force);
  refuseAborted(signal);
  await log.step("stop-old", { stopping: old.startedAt });
  const stoppedAt = clock.now();
  await engine.stopContainer(old.id, work.plan.options.stopTimeout, force);
  await log.step("rename-old");
  const aside = await freeName(work, `${making.name}-old`, log.now, force);
  await engine.renameContainer(old.id, aside, force);
  await log.step("rename-new");
  await engine.renameContainer(id, making.name, force);
  refuseAborted(signal);
  await log.step("start-new");
  await engine.startContainer(id, force);
  await log.step("await-health");
  const { health, rotationTimeoutMs } = making.service.policy;
  const serving = await waitServing(
    { engine, clock, scrub: work.scrubber.scrub },
    id,
    { ...health, timeoutMs: Math.min(health.timeoutMs, rotationTimeoutMs) },
    { oneShot: isJob(work.desired, making.service), fresh: true },
    AbortSignal.any([signal, force]),
  );
  return { ...serving, downtimeMs: serving.since - stoppedAt };
}

function newId(log: RotationLog): string {
  const id = log.now.new?.id;
  if (id === undefined) throw new Error("the new container was not noted");
  return id;
}

/** What began is undone, also after a request to stop; `work.force` alone ends that. */
async function giveUp(
  { operation, work, making, log }: Swap,
  failure: DsoError,
  signal: AbortSignal,
): Promise<DsoError> {
  const made = await findNew(work, log.now, work.force);
  const ran = made !== undefined && made.startedAt !== "" && made.state !== "created";
  const error = ran ? await tellLastWords(work, operation, made.id, failure) : failure;
  if (!making.service.policy.rollbackOnFailure && made !== undefined && !signal.aborted) {
    await log.end("failed", error);
    return leftAlone(making, error);
  }
  const untouched = log.now.step === "deliver" || log.now.step === "create-new";
  const status = await goBack(work, log, error, work.force);
  if (untouched) return error;
  if (status !== "rolled_back") return notRestored(making, error);
  work.report({ type: "rolled-back", operation, rotation: log.now.id, error });
  if (error.code === "aborted") return error;
  return new DsoError(
    "rolled-back",
    `service ${making.service.name} runs as before: its new container failed: ${error.message}`,
    { ...(error.hint === undefined ? {} : { hint: error.hint }), cause: error },
  );
}

function leftAlone({ name }: Making, error: DsoError): DsoError {
  return new DsoError(error.code, `${error.message}; both containers were left for you`, {
    hint: `rollback_on_failure is off: look at ${name} and ${name}-old, then remove one.`,
    cause: error,
  });
}

function notRestored({ name }: Making, error: DsoError): DsoError {
  return new DsoError("rollback-failed", `${name} could not be put back: ${error.message}`, {
    hint: "Somebody removed the old container meanwhile; the new one was kept as it is.",
    cause: error,
  });
}

async function complete(
  { operation, work, old, log }: Swap,
  served: Serving & { readonly downtimeMs: number },
): Promise<Done> {
  const containerId = newId(log);
  const made = await work.engine.inspectContainer(containerId, work.force);
  if (made === undefined) throw gone(operation);
  await goForward(work, log, made, work.force);
  work.roster.remove(old.id);
  work.roster.put(operation.service, operation.number, containerId);
  const wasServing = log.now.old?.running === true && !served.completed;
  if (!wasServing) return { containerId, rotation: log.now };
  work.report({ type: "downtime", operation, ms: served.downtimeMs });
  return { containerId, rotation: log.now, downtimeMs: served.downtimeMs };
}
