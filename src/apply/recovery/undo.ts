import { DsoError } from "../../model/errors.ts";
import type { Rotation, RotationStatus } from "../../model/journal.ts";
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
import { isOffered, offer, withdraw } from "../rollout/traffic.ts";
import { FORGET_MS } from "../rollout/drain.ts";
import { giveNames, takeOver } from "./finish.ts";

/**
 * Everything back to the old container. Without one, the new one is kept as it is: the last container
 * that there is never goes. Idempotent and told by ids and the journal alone: whoever was killed half
 * way through begins again.
 */
export async function goBack(
  tools: RotationTools,
  log: RotationLog,
  error: DsoError,
  signal: AbortSignal,
): Promise<RotationStatus> {
  const old = await findOld(tools, log.now, signal);
  if (log.now.old !== undefined && old === undefined) return keepNew(tools, log, error, signal);
  await log.step("remove-new", { status: "rolling_back" });
  if (old !== undefined) await leadBack(tools, log.now, old, signal);
  await removeNew(tools, log, signal);
  if (old === undefined) {
    await log.end("failed", error);
    return "failed";
  }
  await log.step("restore-old");
  const restored = await restoreOld(tools, log.now, old, signal);
  await log.end(restored ? "rolled_back" : "rollback_required", error);
  return log.now.status;
}

/**
 * The old container in its place again, and the new one left beside it, found by nobody, for a person
 * to look at. Answers the name that the new one has.
 */
export async function standAside(
  tools: RotationTools,
  log: RotationLog,
  signal: AbortSignal,
): Promise<string> {
  const wanted = `${log.now.name}-new`;
  const [old, made] = [
    await findOld(tools, log.now, signal),
    await findNew(tools, log.now, signal),
  ];
  if (old === undefined || made === undefined) return made?.name ?? wanted;
  await leadBack(tools, log.now, old, signal);
  await tools.engine.updateRestartPolicy(made.id, { Name: "no" }, signal);
  // Two of one number: the one that does not run is the one to go.
  await tools.engine.stopContainer(made.id, undefined, signal);
  if (made.name !== log.now.name) {
    await restoreOld(tools, log.now, old, signal);
    return made.name;
  }
  const aside = await freeName(tools, wanted, log.now, signal);
  await tools.engine.renameContainer(made.id, aside, signal);
  await restoreOld(tools, log.now, old, signal);
  return aside;
}

/** The names to the old container, then away from the new one, so that at no time they lead nowhere. */
async function leadBack(
  tools: RotationTools,
  rotation: Rotation,
  old: ContainerDetail,
  signal: AbortSignal,
): Promise<void> {
  const { method, old: was, new: member } = rotation;
  if (method !== "blue-green" || was === undefined) return;
  await offer(tools, old, was, signal);
  const made = await findNew(tools, rotation, signal);
  if (made === undefined || member === undefined || !isOffered(made)) return;
  await withdraw(tools, made, member, signal);
  if (made.state === "running") await tools.clock.sleep(FORGET_MS, signal);
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

/** False where it does not start any more: a reboot has emptied the memory that it reads. */
async function restoreOld(
  { engine }: RotationTools,
  rotation: Rotation,
  old: ContainerDetail,
  signal: AbortSignal,
): Promise<boolean> {
  const was = rotation.old;
  if (was === undefined) return true;
  const ends = await outlastStop(engine, rotation, old, signal);
  if (old.name !== rotation.name) await engine.renameContainer(old.id, rotation.name, signal);
  await engine.updateRestartPolicy(old.id, was.restartPolicy, signal);
  if (!was.running || (!ends && old.state === "running")) return true;
  return starts(engine, old.id, signal);
}

/** Asked again, an engine that refuses would refuse again: the plan that follows makes another one. */
export async function starts(
  engine: RotationTools["engine"],
  id: string,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    await engine.startContainer(id, signal);
    return true;
  } catch (error) {
    if (!isDeclined(error)) throw error;
    return false;
  }
}

const DECLINED: ReadonlySet<string> = new Set(["engine-refused", "engine-conflict", "port-taken"]);

function isDeclined(error: unknown): boolean {
  return error instanceof DsoError && DECLINED.has(error.code);
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
  // Killed before it was noted, it never ran, and nobody knows the names that it is to have.
  const unnoted = made?.state === "created" && log.now.new?.id === undefined;
  if (unnoted) await tools.engine.removeContainer(made.id, { force: true, volumes: false }, signal);
  if (made === undefined || unnoted) {
    await dropBoth(tools, log.now, signal);
    await log.end("failed", error);
    return "failed";
  }
  if (log.now.method === "blue-green") await giveNames(tools, log, made, signal);
  await takeOver(tools, log, made, signal);
  if (made.state !== "running") await starts(tools.engine, made.id, signal);
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
