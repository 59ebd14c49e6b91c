/** The two ways a refresh ends that was begun, each idempotent and told by the journal and the manifest. */
import { DsoError } from "../../model/errors.ts";
import type { Rotation } from "../../model/journal.ts";
import type { ContainerDetail } from "../../model/observed.ts";
import { isRefusal } from "../failure.ts";
import { type Undoing, wakes } from "./revive.ts";
import { findOld, type RotationLog, type RotationTools, undeterred } from "../journal/rotation.ts";

/** Whether the container reads other files than before; undefined where nothing is left to read. */
export async function isSwapped(
  { delivery }: Pick<RotationTools, "delivery">,
  { old, files }: Rotation,
  signal: AbortSignal,
): Promise<boolean | undefined> {
  if (old?.generation === undefined) return undefined;
  const reading = await delivery.reading(old.generation, signal);
  return reading === undefined ? undefined : reading !== files;
}

/** Tells the process of its files; one that does not run needs no telling. */
export async function signalAgain(
  { engine }: Pick<RotationTools, "engine">,
  { signal: posix }: Rotation,
  { id, state }: ContainerDetail,
  signal: AbortSignal,
): Promise<void> {
  if (posix === undefined || state !== "running") return;
  try {
    await engine.killContainer(id, posix, signal);
  } catch (error) {
    // A signal that the engine does not know: asked again, it would refuse again, for ever.
    if (!isRefusal(error)) throw error;
  }
}

/** The old files, and the process told of them; one that died of the new ones is started. */
export async function putBack(
  tools: Undoing,
  log: RotationLog,
  error: DsoError,
  signal: AbortSignal,
): Promise<void> {
  const own = undeterred(log);
  await own.step("restore-files", { status: "rolling_back" });
  const there = (await isSwapped(tools, log.now, signal)) !== undefined;
  // Also where the files are the old ones again: the manifest may not say so yet.
  const reverted = there && (await revert(tools, log.now, signal));
  const container = await findOld(tools, log.now, signal);
  if (container !== undefined) await wake(tools, own, container, signal);
  // Removed, or without its files, it cannot be as it was: the plan that follows makes another one.
  await own.end(reverted && container !== undefined ? "rolled_back" : "failed", error);
}

/** The versions of the old files, too, where a full disk left those of the new ones noted. */
export async function revert(
  { delivery }: Pick<RotationTools, "delivery">,
  { old, versions, files }: Rotation,
  signal: AbortSignal,
): Promise<boolean> {
  if (old?.generation === undefined || files === undefined) return false;
  try {
    await delivery.revert(old.generation, files, versions.from, signal);
    return true;
  } catch (error) {
    if (!(error instanceof DsoError && error.code === "rollback-failed")) throw error;
    return false;
  }
}

async function wake(
  tools: Undoing,
  log: RotationLog,
  container: ContainerDetail,
  signal: AbortSignal,
): Promise<void> {
  const { state } = container;
  if (state !== "exited") await signalAgain(tools, log.now, container, signal);
  if (state === "exited" || state === "running") await wakes(tools, log, "old", container, signal);
}
