import { COMPOSE } from "../../model/labels.ts";
import type { ContainerDetail } from "../../model/observed.ts";
import type { Work } from "../context.ts";
import { memberOf, openLog, type RotationLog, timestamp } from "./rotation.ts";

/** The entry of a container that stays, and is stopped or started; nothing is on disk yet. */
export function openHalt(
  work: Work,
  method: "stop" | "start",
  container: ContainerDetail,
  why: string,
): RotationLog {
  const { name, labels } = container;
  const at = timestamp(work);
  return openLog(work, {
    ...{ id: work.random.hex(8), project: work.plan.project },
    ...{ service: labels[COMPOSE.service] ?? "", number: Number(labels[COMPOSE.number] ?? "1") },
    ...{ name, method, status: "in_progress", why, startedAt: at, updatedAt: at },
    step: method === "stop" ? "pre-stop" : "start-old",
    old: memberOf(container),
    new: undefined,
    versions: { from: {}, to: {} },
    error: undefined,
  });
}

/** Nobody has to finish it any more. */
export async function forget(work: Work, log: RotationLog): Promise<void> {
  await work.journal.remove(work.plan.project, new Set([log.now.id]));
}
