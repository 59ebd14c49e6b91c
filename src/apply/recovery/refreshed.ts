/** The two ways a refresh ends that was begun, each idempotent and told by the journal and the manifest. */
import type { DsoError } from "../../model/errors.ts";
import type { Rotation } from "../../model/journal.ts";
import type { ContainerDetail } from "../../model/observed.ts";
import { findOld, type RotationLog, type RotationTools } from "../journal/rotation.ts";

/** Whether the new files are those that the container reads. */
export async function isSwapped(
  { delivery }: Pick<RotationTools, "delivery">,
  { old, versions }: Rotation,
  signal: AbortSignal,
): Promise<boolean> {
  if (old?.generation === undefined) return false;
  const manifest = await delivery.manifest(old.generation, signal);
  return manifest !== undefined && sameVersions(manifest.versions, versions.to);
}

function sameVersions(
  some: Readonly<Record<string, string>>,
  others: Readonly<Record<string, string>>,
): boolean {
  const names = new Set([...Object.keys(some), ...Object.keys(others)]);
  return [...names].every((name) => some[name] === others[name]);
}

/** Tells the process of its files; one that does not run needs no telling. */
export async function signalAgain(
  { engine }: Pick<RotationTools, "engine">,
  { signal: posix }: Rotation,
  { id, state }: ContainerDetail,
  signal: AbortSignal,
): Promise<void> {
  if (posix === undefined || state !== "running") return;
  await engine.killContainer(id, posix, signal);
}

/** The old files, and the process told of them; one that died of the new ones is started. */
export async function putBack(
  tools: RotationTools,
  log: RotationLog,
  error: DsoError,
  signal: AbortSignal,
): Promise<void> {
  const { old, versions } = log.now;
  await log.step("restore-files", { status: "rolling_back" });
  if (old?.generation !== undefined && (await isSwapped(tools, log.now, signal))) {
    await tools.delivery.revert(old.generation, versions.from, signal);
  }
  const container = await findOld(tools, log.now, signal);
  if (container !== undefined) {
    await signalAgain(tools, log.now, container, signal);
    if (container.state === "exited") await tools.engine.startContainer(container.id, signal);
  }
  await log.end("rolled_back", error);
}
