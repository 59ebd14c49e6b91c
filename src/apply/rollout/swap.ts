/** What the two ways to replace a container have in common. */
import { together } from "../../lib/together.ts";
import { DsoError } from "../../model/errors.ts";
import { isJob } from "../../model/jobs.ts";
import type { ContainerDetail } from "../../model/observed.ts";
import type { OperationOf } from "../../model/plan.ts";
import type { Making } from "../container/composeBody.ts";
import { makeContainer } from "../container/container.ts";
import { provide } from "../container/provide.ts";
import type { Done, Work } from "../context.ts";
import { failureOf, isRefusal, tellLastWords } from "../failure.ts";
import {
  findNew,
  freeName,
  isNotedAsFailed,
  refuseAborted,
  type RotationLog,
} from "../journal/rotation.ts";
import { reconnect } from "../network/formerNetworks.ts";
import { goBack, standAside } from "../recovery/undo.ts";
import { begin, NO_MEMBER } from "./begin.ts";
import { waitWatched } from "./verify.ts";

export type Replace = OperationOf<"replace-container">;

/** One replacement on its way. */
export interface Swap {
  readonly operation: Replace;
  readonly work: Work;
  readonly making: Making;
  readonly old: ContainerDetail;
  readonly log: RotationLog;
  /** A job: to end with 0, whenever that is, is to have served. */
  readonly oneShot: boolean;
}

export async function openSwap(operation: Replace, work: Work): Promise<Swap> {
  const old = await work.engine.inspectContainer(operation.oldId, work.force);
  if (old === undefined) throw gone(operation);
  const { making, log } = begin(work, operation, old);
  return { operation, work, old, making, log, oneShot: isJob(work.desired, making.service) };
}

function gone({ oldName }: Pick<Replace, "oldName">): DsoError {
  return new DsoError("plan-stale", `container ${oldName} was removed since the plan was made`, {
    hint: "Make a new plan.",
  });
}

export function endedEarly({ making }: Pick<Swap, "making">): DsoError {
  return new DsoError("container-exited", `container ${making.name} ended just after it served`);
}

export function vanished({ making }: Pick<Swap, "making">): DsoError {
  const message = `somebody else removed the new container of ${making.name}`;
  return new DsoError("container-removed", message, {
    hint: "Look at `docker events`, and run the command again.",
  });
}

/**
 * Everything that can be done while the old container still serves. `hidden`: the new one's networks
 * get none of the service's aliases, so that nobody is led to it before it has proven itself.
 */
export async function prepare(
  { work, making, log }: Swap,
  hidden: boolean,
  signal: AbortSignal,
): Promise<void> {
  const [name, provided] = await together(
    freeName(work, `${making.name}-new`, log.now, work.force),
    provide(work, making, log.step("deliver"), work.force),
  );
  const member = { ...NO_MEMBER, name, generation: provided.generation?.id };
  await log.step("create-new", { new: member });
  // An engine that restarts must not wake the one that has not proven itself.
  const candidate = { name, policy: { Name: "no" }, hidden } as const;
  const made = await makeContainer(work, making, provided, candidate, work.force);
  log.learn({ new: { ...member, ...made } });
  refuseAborted(signal);
}

export function newId(log: RotationLog): string {
  const id = log.now.new?.id;
  if (id === undefined) throw new Error("the new container was not noted");
  return id;
}

/**
 * The old container is kept until the new one has served for as long as the files want it watched.
 * Answers how long it was, ms: a job may end before.
 */
export async function watchNew(
  { operation, work, making, log, oneShot }: Swap,
  signal: AbortSignal,
): Promise<number> {
  const { monitorMs = 0 } = operation;
  if (monitorMs === 0) return 0;
  await log.step("watch-new");
  const { engine, clock, force } = work;
  const begun = clock.elapsed();
  await waitWatched(
    { engine, clock, scrub: work.scrubber.scrub },
    { id: newId(log), restartCount: 0, oneShot },
    making.service.policy.health,
    monitorMs,
    AbortSignal.any([signal, force]),
  );
  return clock.elapsed() - begun;
}

/** What began is undone, also after a request to stop; `work.force` alone ends that. */
export async function giveUp(
  swap: Swap,
  failure: DsoError,
  signal: AbortSignal,
): Promise<DsoError> {
  const { operation, work, making, log } = swap;
  const made = await findNew(work, log.now, work.force);
  const ran = made !== undefined && made.startedAt !== "" && made.state !== "created";
  const lost = made === undefined && log.now.new?.id !== undefined && isRefusal(failure);
  const said = ran ? await tellLastWords(work, operation, made.id, failure) : failure;
  const error = lost ? vanished(swap) : said;
  // Until the old one was told to stop, nothing was tried of which anything could be seen.
  const tried = made !== undefined && log.now.step !== "pre-stop";
  if (!making.service.policy.rollbackOnFailure && tried && !signal.aborted) {
    const left = await leave(swap, error);
    if (left !== undefined) return left;
  }
  const untouched = log.now.step === "deliver" || log.now.step === "create-new";
  const status = await goBack(work, log, error, work.force);
  const cut = status === "rolled_back" ? await cutOff(swap) : undefined;
  if (cut !== undefined) return notRestored(making, cut);
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

/** What keeps the old container off a network that this run has made anew. */
async function cutOff({ work, old }: Swap): Promise<DsoError | undefined> {
  try {
    await reconnect(work, old.id);
    return undefined;
  } catch (thrown) {
    work.force.throwIfAborted();
    return failureOf(thrown, work.scrubber, work.force);
  }
}

/**
 * Both containers for a person to look at. Undefined where they cannot be left so: the old one is to
 * serve on beside a new one that nobody is led to, and does not; or the disk is full and nobody would
 * know of it, so that recovery took the new one away.
 */
async function leave(
  { operation, work, making, log }: Swap,
  error: DsoError,
): Promise<DsoError | undefined> {
  const isBeside = operation.method === "blue-green";
  const beside = isBeside ? await standAside(work, log, work.force) : undefined;
  if (isBeside && beside === undefined) return undefined;
  return (await isNotedAsFailed(log, error)) ? leftAlone(making, error, beside) : undefined;
}

/** `beside`: the old one serves on, and this is the name of what failed. */
function leftAlone({ name }: Making, error: DsoError, beside: string | undefined): DsoError {
  const look = `look at ${beside ?? `${name} and ${name}-old`}`;
  return new DsoError(error.code, `${error.message}; both containers were left for you`, {
    hint: `rollback_on_failure is off: ${look}, then remove ${beside === undefined ? "one" : "it"}.`,
    cause: error,
  });
}

function notRestored({ name }: Making, error: DsoError): DsoError {
  return new DsoError("rollback-failed", `${name} could not be put back: ${error.message}`, {
    hint: "The old container is gone, does not start any more, or somebody has its name: `dso plan` shows what is there.",
    cause: error,
  });
}

/** The new container has the place of the old one, for whatever is done after it in this run. */
export function handOver({ operation, work, old, log }: Swap): Done {
  const containerId = newId(log);
  work.roster.remove(old.id);
  work.roster.put(operation.service, operation.number, { id: containerId, name: operation.name });
  return { containerId, rotation: log.now };
}
