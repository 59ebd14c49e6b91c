/** What a killed process was about to do to a container that stays: to stop it, or to start it. */
import type { RotationStatus } from "../../model/journal.ts";
import type { ContainerDetail } from "../../model/observed.ts";
import { announce, runOwed } from "../hooks/owed.ts";
import { findOld, type RotationLog } from "../journal/rotation.ts";
import { outlastStop, type Undoing } from "./revive.ts";

/**
 * What the container is to be afterwards, whoever looks at it then decides. `completed`: it is stopped, or
 * runs with its hooks behind it; `rolled_back`: its stop was not to be, and it serves on; `failed`: it
 * was to start, and does not run.
 */
export async function endHalt(
  tools: Undoing,
  log: RotationLog,
  signal: AbortSignal,
): Promise<RotationStatus> {
  const container = await findOld(tools, log.now, signal);
  const end = log.now.step === "start-old" ? endStart : endStop;
  const status = container === undefined ? "failed" : await end(tools, log, container, signal);
  await tools.journal.remove(log.now.project, new Set([log.now.id]));
  return status;
}

async function endStop(
  tools: Undoing,
  log: RotationLog,
  container: ContainerDetail,
  signal: AbortSignal,
): Promise<RotationStatus> {
  const { step, stopping } = log.now;
  const ends = await outlastStop(tools.engine, log.now, container, signal);
  // Whoever has started it since, without us, wants no hooks.
  if (ends || (step === "stop-old" && stopping !== container.startedAt)) return "completed";
  const announced = { side: "old", id: container.id, outcome: "the container serves on" } as const;
  await announce(tools, log, announced, signal);
  return "rolled_back";
}

/** One whose hooks fail is stopped, as where nobody is killed: what runs is to have been through with them. */
async function endStart(
  tools: Undoing,
  log: RotationLog,
  { id, state }: ContainerDetail,
  signal: AbortSignal,
): Promise<RotationStatus> {
  if (state !== "running") return "failed";
  const announced = { side: "old", id, outcome: "the container was stopped" } as const;
  if (await runOwed(tools, log, announced, signal)) return "completed";
  await tools.engine.stopContainer(id, undefined, signal);
  return "failed";
}
