import type { DsoError } from "../../model/errors.ts";
import type { Rotation, RotationStatus } from "../../model/journal.ts";
import type { ContainerDetail } from "../../model/observed.ts";
import { dropBelongings, releaseAddresses } from "../container/belongings.ts";
import { isRefusal } from "../failure.ts";
import {
  findNew,
  findOld,
  freeName,
  type RotationLog,
  type RotationTools,
  undeterred,
} from "../journal/rotation.ts";
import { isOffered, offer, withdraw } from "../rollout/traffic.ts";
import { FORGET_MS } from "../rollout/drain.ts";
import { giveNames } from "./finish.ts";
import { renames, revive, type Undoing, wakes } from "./revive.ts";

/**
 * Everything back to the old container. Where that is gone, or does not run any more, the new one is
 * kept as it is: the last container that there is never goes. Idempotent and told by ids and the
 * journal alone: whoever was killed half way through begins again.
 */
export async function goBack(
  tools: Undoing,
  log: RotationLog,
  error: DsoError,
  signal: AbortSignal,
): Promise<RotationStatus> {
  const before = await present(tools, log.now, signal);
  const own = undeterred(log);
  try {
    return await undo(tools, own, error, signal);
  } catch (refused) {
    // Somebody may have removed one of them under our hands: then by what is there now.
    if (!isRefusal(refused) || (await present(tools, log.now, signal)) === before) throw refused;
    return undo(tools, own, error, signal);
  }
}

async function present(
  tools: RotationTools,
  rotation: Rotation,
  signal: AbortSignal,
): Promise<number> {
  const both = [await findOld(tools, rotation, signal), await findNew(tools, rotation, signal)];
  return both.filter((one) => one !== undefined).length;
}

async function undo(
  tools: Undoing,
  log: RotationLog,
  error: DsoError,
  signal: AbortSignal,
): Promise<RotationStatus> {
  const old = await findOld(tools, log.now, signal);
  if (log.now.old !== undefined && old === undefined) return keepNew(tools, log, error, signal);
  await log.step("remove-new", { status: "rolling_back" });
  if (old === undefined) {
    const made = await findNew(tools, log.now, signal);
    await stopNew(tools, log.now, made, signal);
    await removeNew(tools, log.now, made, signal);
    await log.end("failed", error);
    return "failed";
  }
  const runs = await revive(tools, log, old, signal);
  if (!runs && (await wakesNew(tools, log, signal))) return keepNew(tools, log, error, signal);
  const back = await leadBack(tools, log.now, old, signal);
  const made = await findNew(tools, log.now, signal);
  for (const end of [stopNew, removeNew]) {
    // Looked at before each: what is left is never ended.
    const kept = !runs || (await outlives(tools, log, signal));
    if (!kept) return keepNew(tools, log, error, signal);
    await end(tools, log.now, made, signal);
  }
  await log.step("restore-old");
  const named = await renames(tools.engine, back, log.now.name, signal);
  await log.end(runs && named ? "rolled_back" : "rollback_required", error);
  return log.now.status;
}

/** Whether the old container is still there, whatever somebody has done to it, and runs if it did. */
async function outlives(tools: Undoing, log: RotationLog, signal: AbortSignal): Promise<boolean> {
  const old = await findOld(tools, log.now, signal);
  if (old === undefined) return false;
  return log.now.old?.running !== true || wakes(tools, log, "old", old, signal);
}

/**
 * The old container in its place again, and the new one left beside it, found by nobody, for a person
 * to look at. Answers the name that the new one has; undefined where not both are there, or the old one
 * does not run any more, so that nothing was done to the new one.
 */
export async function standAside(
  tools: Undoing,
  log: RotationLog,
  signal: AbortSignal,
): Promise<string | undefined> {
  const [old, made] = [
    await findOld(tools, log.now, signal),
    await findNew(tools, log.now, signal),
  ];
  if (old === undefined || made === undefined) return undefined;
  if (!(await revive(tools, log, old, signal))) return undefined;
  const back = await leadBack(tools, log.now, old, signal);
  await tools.engine.updateRestartPolicy(made.id, { Name: "no" }, signal);
  // Two of one number: the one that does not run is the one to go.
  await tools.engine.stopContainer(made.id, undefined, signal);
  const left = await findNew(tools, log.now, signal);
  if (left === undefined) return undefined;
  const aside = await moveAside(tools, log.now, left, signal);
  await renames(tools.engine, back, log.now.name, signal);
  return aside;
}

/** The new container no longer has the service's own name. Answers the name that it has. */
async function moveAside(
  tools: RotationTools,
  rotation: Rotation,
  made: ContainerDetail,
  signal: AbortSignal,
): Promise<string> {
  if (made.name !== rotation.name) return made.name;
  const aside = await freeName(tools, `${rotation.name}-new`, rotation, signal);
  await renames(tools.engine, made, aside, signal);
  return aside;
}

/**
 * The names to the old container, then away from the new one, so that at no time they lead nowhere; nor
 * while one is renamed, which is why that is done in between (`takePlace` says more). Answers the old one
 * under the name that it has then.
 */
async function leadBack(
  tools: RotationTools,
  rotation: Rotation,
  old: ContainerDetail,
  signal: AbortSignal,
): Promise<ContainerDetail> {
  const { method, name, old: was, new: member } = rotation;
  if (method !== "blue-green" || was === undefined) return old;
  await offer(tools, old, was, signal);
  const made = await findNew(tools, rotation, signal);
  if (made === undefined || member === undefined || !isOffered(made)) return old;
  await moveAside(tools, rotation, made, signal);
  const back = (await renames(tools.engine, old, name, signal)) ? { ...old, name } : old;
  await withdraw(tools, made, member, signal);
  if (made.state === "running") await tools.clock.sleep(FORGET_MS, signal);
  return back;
}

async function stopNew(
  { engine }: RotationTools,
  _: Rotation,
  made: ContainerDetail | undefined,
  signal: AbortSignal,
): Promise<void> {
  const alive = made?.state === "running" || made?.state === "restarting";
  if (alive) await engine.stopContainer(made.id, undefined, signal);
}

async function removeNew(
  { engine, delivery, addresses }: RotationTools,
  rotation: Rotation,
  made: ContainerDetail | undefined,
  signal: AbortSignal,
): Promise<void> {
  if (made !== undefined) {
    // Anonymous volumes may be the old container's: then they stay.
    const volumes = rotation.old === undefined;
    await engine.removeContainer(made.id, { force: true, volumes }, signal);
  }
  const generation = rotation.new?.generation;
  if (generation !== undefined) await delivery.drop(generation, signal);
  await releaseAddresses(addresses, rotation.project, rotation.id);
}

/** Whether the new container runs, or does when it is told to. */
async function wakesNew(tools: Undoing, log: RotationLog, signal: AbortSignal): Promise<boolean> {
  const made = await findNew(tools, log.now, signal);
  if (made === undefined || log.now.new?.id === undefined) return false;
  return wakes(tools, log, "new", made, signal);
}

/**
 * The old container is gone (somebody removed it), does not run, or has nothing left to work with: what is
 * left must not go too.
 */
export async function keepNew(
  tools: Undoing,
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
  // Tried already, it has its own policy: an engine that restarts must not wake the two of them.
  const old = await findOld(tools, log.now, signal);
  if (old !== undefined) await tools.engine.updateRestartPolicy(old.id, { Name: "no" }, signal);
  if (log.now.method === "blue-green") await giveNames(tools, log, made, signal);
  await wakes(tools, log, "new", made, signal);
  await inheritName(tools, log.now, made, signal);
  const { restartPolicy } = log.now.new ?? {};
  if (restartPolicy !== undefined) {
    await tools.engine.updateRestartPolicy(made.id, restartPolicy, signal);
  }
  await log.end("rollback_required", error);
  return "rollback_required";
}

async function inheritName(
  tools: RotationTools,
  rotation: Rotation,
  made: ContainerDetail,
  signal: AbortSignal,
): Promise<void> {
  const old = await findOld(tools, rotation, signal);
  if (old?.name === rotation.name) {
    const aside = await freeName(tools, `${rotation.name}-old`, rotation, signal);
    await renames(tools.engine, old, aside, signal);
  }
  await renames(tools.engine, made, rotation.name, signal);
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
