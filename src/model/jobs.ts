import { dependenciesOf } from "./dependencies.ts";
import type { Desired, DesiredService } from "./desired.ts";

type Services = Pick<Desired, "services">;

/**
 * Whether the service may be a job, which runs to an end. Some dependent waits for
 * that (`isAwaitedJob`), or no restart policy brings it back and nothing marks it as
 * a server (ports, a healthcheck, others that want it running).
 */
export function isJob(desired: Services, service: DesiredService): boolean {
  const { model } = service;
  if (/^(always|any|unless-stopped)/.test(restartOf(service) ?? "no")) return false;
  if (isAwaitedJob(desired, service)) return true;
  const serves =
    (model.ports ?? []).length + (model.expose ?? []).length > 0 ||
    conditionsOn(desired, service.name).length > 0 ||
    model.healthcheck?.test !== undefined ||
    service.policy.health.probe !== undefined;
  return !serves;
}

/** Whether the files say of a job that it is one: nobody writes a policy that lets the end be the end for a server. */
export function isDeclaredJob(desired: Services, service: DesiredService): boolean {
  return (
    isJob(desired, service) && (restartOf(service) !== undefined || isAwaitedJob(desired, service))
  );
}

function restartOf({ model }: DesiredService): string | undefined {
  return model.restart ?? model.deploy?.restart_policy?.condition;
}

/** Whether some dependent says that it waits for the good end of the service. */
export function isAwaitedJob(desired: Services, { name }: DesiredService): boolean {
  return conditionsOn(desired, name).includes("service_completed_successfully");
}

function conditionsOn({ services }: Services, name: string): readonly string[] {
  return [...services.values()].flatMap(({ model }) => {
    const dependency = dependenciesOf(model).get(name);
    return dependency === undefined ? [] : [dependency.condition];
  });
}
