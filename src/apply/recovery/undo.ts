import type { DsoError } from "../../model/errors.ts";
import type { Rotation, RotationStatus } from "../../model/journal.ts";
import { DSO } from "../../model/labels.ts";
import type { ContainerDetail } from "../../model/observed.ts";
import { dropBelongings } from "../container/belongings.ts";
import { isRefusal } from "../failure.ts";
import {
  findNew,
  findOld,
  freeName,
  type RotationLog,
  type RotationTools,
} from "../journal/rotation.ts";

/**
 * The two ways a rotation ends, each of them idempotent and told by ids and the
 * journal alone: whoever was killed half way through begins again. Neither
 * removes the last container that there is.
 */

/** Everything back to the old container. Without one, the new one is kept as it is. */
export async function goBack(
  tools: RotationTools,
  log: RotationLog,
  error: DsoError,
  signal: AbortSignal,
): Promise<RotationStatus> {
  const old = await findOld(tools, log.now, signal);
  if (log.now.old !== undefined && old === undefined) return keepNew(tools, log, error, signal);
  await log.step("remove-new", { status: "rolling_back" });
  await removeNew(tools, log, signal);
  if (old !== undefined) {
    await log.step("restore-old");
    await restoreOld(tools, log.now, old, signal);
  }
  await log.end(old === undefined ? "failed" : "rolled_back", error);
  return log.now.status;
}

async function removeNew(
  tools: RotationTools,
  log: RotationLog,
  signal: AbortSignal,
): Promise<void> {
  const { engine, delivery, addresses } = tools;
  const rotation = log.now;
  const made = await findNew(tools, rotation, signal);
  if (made !== undefined) {
    if (made.state === "running" || made.state === "restarting") {
      await engine.stopContainer(made.id, undefined, signal);
    }
    // Anonymous volumes may be the old container's: then they stay.
    await engine.removeContainer(
      made.id,
      { force: true, volumes: rotation.old === undefined },
      signal,
    );
  }
  const generation = rotation.new?.generation;
  if (generation !== undefined) await delivery.drop(generation, signal);
  await addresses.release(rotation.project, rotation.id);
}

async function restoreOld(
  { engine }: RotationTools,
  rotation: Rotation,
  old: ContainerDetail,
  signal: AbortSignal,
): Promise<void> {
  const was = rotation.old;
  if (was === undefined) return;
  const ends = await outlastStop(engine, rotation, old, signal);
  if (old.name !== rotation.name) await engine.renameContainer(old.id, rotation.name, signal);
  await engine.updateRestartPolicy(old.id, was.restartPolicy, signal);
  if (was.running && (ends || old.state !== "running")) await engine.startContainer(old.id, signal);
}

/**
 * Waits for a stop that may be on its way, and that would end what was started before
 * it is over: told once more, the engine answers when the container has ended. Answers
 * whether there was one.
 */
export async function outlastStop(
  engine: RotationTools["engine"],
  { stopping }: Rotation,
  { id, startedAt }: ContainerDetail,
  signal: AbortSignal,
): Promise<boolean> {
  // Started again since, it is not what was meant.
  if (stopping !== startedAt) return false;
  try {
    await engine.stopContainer(id, undefined, signal);
    return true;
  } catch (error) {
    // What the engine refuses to stop runs on: nothing is on its way.
    if (isRefusal(error)) return false;
    throw error;
  }
}

/** The old container is gone (somebody removed it): what is left must not go too. */
async function keepNew(
  tools: RotationTools,
  log: RotationLog,
  error: DsoError,
  signal: AbortSignal,
): Promise<RotationStatus> {
  const made = await findNew(tools, log.now, signal);
  if (made === undefined) {
    await dropBoth(tools, log.now, signal);
    await log.end("failed", error);
    return "failed";
  }
  await takeOver(tools, log, made, signal);
  if (made.state !== "running") await tools.engine.startContainer(made.id, signal);
  await log.end("rollback_required", error);
  return "rollback_required";
}

async function dropBoth(
  tools: RotationTools,
  rotation: Rotation,
  signal: AbortSignal,
): Promise<void> {
  const { id, project, old, new: made } = rotation;
  const had = { generation: old?.generation, rotation: undefined };
  await dropBelongings(tools, project, had, signal);
  await dropBelongings(tools, project, { generation: made?.generation, rotation: id }, signal);
}

/** Gives the new container the service's name and its own restart policy. */
async function takeOver(
  { engine }: RotationTools,
  log: RotationLog,
  made: ContainerDetail,
  signal: AbortSignal,
): Promise<void> {
  const { name, new: member } = log.now;
  if (made.name !== name) {
    await log.step("rename-new");
    await engine.renameContainer(made.id, name, signal);
  }
  if (member === undefined) return;
  await log.step("set-policy");
  await engine.updateRestartPolicy(made.id, member.restartPolicy, signal);
}

/** The new container serves: the rest of the way. */
export async function goForward(
  tools: RotationTools,
  log: RotationLog,
  made: ContainerDetail,
  signal: AbortSignal,
): Promise<void> {
  const { engine } = tools;
  const old = await findOld(tools, log.now, signal);
  if (old !== undefined && old.name === log.now.name) {
    const aside = await freeName(tools, `${log.now.name}-old`, log.now, signal);
    await engine.renameContainer(old.id, aside, signal);
  }
  await takeOver(tools, log, made, signal);
  await log.step("remove-old");
  if (old !== undefined) {
    await engine.removeContainer(old.id, { force: true, volumes: false }, signal);
  }
  await log.step("drop-generation");
  const { project, old: was } = log.now;
  const had = { generation: was?.generation, rotation: old?.labels[DSO.rotation] };
  await dropBelongings(tools, project, had, signal);
  await log.end("completed");
}
