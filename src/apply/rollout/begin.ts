import type { RotationMember } from "../../model/journal.ts";
import { DSO } from "../../model/labels.ts";
import type { ContainerDetail } from "../../model/observed.ts";
import type { Operation, OperationOf } from "../../model/plan.ts";
import type { Making } from "../container/composeBody.ts";
import { serviceOf } from "../container/container.ts";
import type { Work } from "../context.ts";
import { memberOf, openLog, type RotationLog, timestamp } from "../journal/rotation.ts";
import { versionsOf } from "../memory/values.ts";
import { parseJson } from "../../model/errors.ts";

type Begins = OperationOf<"create-container"> | OperationOf<"replace-container">;

/** Opens the journal entry of an operation that makes a container; nothing is on disk yet. */
export function begin(
  work: Work,
  operation: Begins & Operation,
  old: ContainerDetail | undefined,
): { readonly making: Making; readonly log: RotationLog } {
  const service = serviceOf(work, operation.service);
  const { number, name, why } = operation;
  const rotation = work.random.hex(8);
  const at = timestamp(work);
  const log = openLog(
    work,
    {
      id: rotation,
      project: work.desired.project.name,
      service: service.name,
      number,
      name,
      method: operation.kind === "create-container" ? "create" : operation.method,
      status: "in_progress",
      step: "deliver",
      why,
      startedAt: at,
      updatedAt: at,
      old: old === undefined ? undefined : memberOf(old),
      new: undefined,
      ...("monitorMs" in operation ? { monitorMs: operation.monitorMs } : {}),
      versions: { from: versionsIn(old), to: versionsOf(service, work.desired) },
      error: undefined,
    },
    (step) => {
      work.report({ type: "rotation-step", operation, rotation, step });
    },
  );
  return { making: { service, number, name, rotation, old }, log };
}

export const NO_MEMBER: RotationMember = {
  id: undefined,
  name: "",
  restartPolicy: { Name: "no" },
  running: false,
  generation: undefined,
  endpoints: [],
};

function versionsIn(old: ContainerDetail | undefined): Readonly<Record<string, string>> {
  const text = old?.labels[DSO.secrets];
  // A label that somebody else may have written; the journal says then that nothing is known.
  const versions = text === undefined ? undefined : parseJson(text);
  return (versions ?? {}) as Record<string, string>;
}
