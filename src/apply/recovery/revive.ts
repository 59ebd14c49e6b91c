/** Containers brought to run again, whatever a killed process or somebody else has done to them. */
import type { Rotation } from "../../model/journal.ts";
import type { ContainerDetail } from "../../model/observed.ts";
import { isConflict, isDeclined, isRefusal } from "../failure.ts";
import { announce, type Announcing, owe, type Side } from "../hooks/owed.ts";
import { findNew, type RotationLog, type RotationTools } from "../journal/rotation.ts";

/** What undoes a rotation, and tells of a hook that fails meanwhile. */
export type Undoing = RotationTools & Announcing;

const AWAKE: ReadonlySet<string> = new Set(["running", "restarting", "paused"]);

/**
 * The old container runs again, with its own policy, where it ran before. False where it does not
 * start any more: a reboot has emptied the memory that it reads.
 */
export async function revive(
  tools: Undoing,
  log: RotationLog,
  old: ContainerDetail,
  signal: AbortSignal,
): Promise<boolean> {
  const was = log.now.old;
  if (was === undefined) return true;
  // Never do two write at once, not even when the engine restarts.
  if (log.now.method === "stop-first") await putToRest(tools, log.now, signal);
  const { engine } = tools;
  const ends = await outlastStop(engine, log.now, old, signal);
  await engine.updateRestartPolicy(old.id, was.restartPolicy, signal);
  if (!was.running) return true;
  return wakes(tools, log, "old", ends ? { ...old, state: "exited" } : old, signal);
}

/** The new container ends, and no policy wakes it. */
async function putToRest(
  tools: RotationTools,
  rotation: Rotation,
  signal: AbortSignal,
): Promise<void> {
  const made = await findNew(tools, rotation, signal);
  if (made === undefined || made.state === "created") return;
  await tools.engine.updateRestartPolicy(made.id, { Name: "no" }, signal);
  await tools.engine.stopContainer(made.id, undefined, signal);
}

/**
 * Has it run, whatever somebody did to it; false where it does not. What it wants run after a start runs
 * where it is started here, or has heard its pre_stop, which that undoes.
 */
export async function wakes(
  tools: Undoing,
  log: RotationLog,
  side: Side,
  container: ContainerDetail,
  signal: AbortSignal,
): Promise<boolean> {
  const { id, state } = container;
  if (!AWAKE.has(state)) {
    await owe(tools, log, side, container);
    if (!(await starts(tools.engine, id, signal))) return false;
  } else if (state === "paused") await tools.engine.unpauseContainer(id, signal);
  const outcome = "the container serves on all the same";
  await announce(tools, log, { side, id, outcome }, signal);
  return true;
}

/** False where somebody else has that name: to run under another one is better than not to run. */
export async function renames(
  engine: RotationTools["engine"],
  container: ContainerDetail,
  name: string,
  signal: AbortSignal,
): Promise<boolean> {
  if (container.name === name) return true;
  try {
    await engine.renameContainer(container.id, name, signal);
    return true;
  } catch (error) {
    if (!isConflict(error)) throw error;
    return false;
  }
}

/** Asked again, an engine that refuses would refuse again: the plan that follows makes another one. */
async function starts(
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
