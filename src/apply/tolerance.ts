/** What the files want done where replicas of a service fail to change: `failure_action`, `max_failure_ratio`. */
import type { Desired, DesiredService } from "../model/desired.ts";
import { DsoError } from "../model/errors.ts";
import type { Operation, Plan } from "../model/plan.ts";
import { updatePolicy } from "../model/updates.ts";
import { changedService, type FailedUpdate } from "./context.ts";
import { isElsewhere } from "./failure.ts";

export interface Tolerance {
  /** Counts a failure; answers how the update stands where the run is to go on all the same. */
  count(operation: Operation, error: DsoError): FailedUpdate | undefined;
  /** Whose replicas are to be what they were before, and of how many that is known not to be so. */
  readonly toRollBack: ReadonlyMap<string, FailedUpdate>;
}

export function createTolerance(
  { operations, options }: Pick<Plan, "operations" | "options">,
  { services }: Pick<Desired, "services">,
): Tolerance {
  const failures = new Map<string, number>();
  const toRollBack = new Map<string, FailedUpdate>();
  const totalOf = (service: string): number =>
    operations.filter((one) => changedService(one) === service).length;
  return {
    toRollBack,
    count(operation, error) {
      const service = changedService(operation);
      const desired = service === undefined ? undefined : services.get(service);
      if (service === undefined || desired === undefined || !isOfReplica(error)) return undefined;
      const failed = (failures.get(service) ?? 0) + 1;
      failures.set(service, failed);
      const update = { service, failed, total: totalOf(service) };
      const { failureAction, maxFailureRatio } = updatePolicy(desired.model, options.pace);
      const within = failureAction === "continue" || failed / update.total <= maxFailureRatio;
      if (within && servesOn(operation, desired, error)) return update;
      if (failureAction === "rollback") toRollBack.set(service, update);
      return undefined;
    },
  };
}

/** One that is not what it was any more is nothing that anybody has reckoned with: all could end so. */
function servesOn(operation: Operation, { policy }: DesiredService, { code }: DsoError): boolean {
  if (code === "rollback-failed") return false;
  const isBeside = operation.kind === "replace-container" && operation.method === "blue-green";
  return policy.rollbackOnFailure || isBeside;
}

/** It says something about the replica: not that somebody stopped the run, nor that the engine is gone. */
function isOfReplica({ code, cause }: DsoError): boolean {
  const undone = code === "rolled-back" || code === "rollback-failed";
  return !isElsewhere(undone && cause instanceof DsoError ? cause.code : code);
}
