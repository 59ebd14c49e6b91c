import type { Desired, DesiredService } from "../model/desired.ts";
import type { ObservedContainer } from "../model/observed.ts";
import { dependenciesOf } from "./order.ts";

/**
 * Whether the service is a job: it runs to an end. A job is what some dependent
 * waits to be completed. Else it is what no restart policy brings back and nothing
 * marks as a server (ports, a healthcheck, others that want it running): a server
 * that was stopped may have ended with 0, too, and that is drift.
 */
export function isJob(desired: Desired, service: DesiredService): boolean {
  const { model } = service;
  const restart = model.restart ?? model.deploy?.restart_policy?.condition ?? "no";
  if (/^(always|any|unless-stopped)/.test(restart)) return false;
  const conditions = dependentConditions(desired, service.name);
  if (conditions.includes("service_completed_successfully")) return true;
  const serves =
    (model.ports ?? []).length + (model.expose ?? []).length + conditions.length > 0 ||
    model.healthcheck?.test !== undefined ||
    service.policy.health.probe !== undefined;
  return !serves;
}

/** Whether the container ran a job to its good end, and so is as it should be. */
export function isFinishedJob(
  desired: Desired,
  service: DesiredService,
  container: ObservedContainer,
): boolean {
  return container.state === "exited" && container.exitCode === 0 && isJob(desired, service);
}

function dependentConditions(desired: Desired, name: string): readonly string[] {
  return [...desired.services.values()].flatMap(({ model }) => {
    const dependency = dependenciesOf(model).get(name);
    return dependency === undefined ? [] : [dependency.condition];
  });
}
