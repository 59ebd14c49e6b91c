/** What follows where too many replicas failed to change, and the files say `failure_action: rollback`. */
import { changedService, type FailedUpdate, isComplete, type Outcome } from "../apply/context.ts";
import type { Desired } from "../model/desired.ts";
import { DsoError } from "../model/errors.ts";
import type { Report } from "../model/events.ts";
import { DEFAULT_PLAN_OPTIONS, type PlanOptions } from "../model/plan.ts";
import type { Context } from "./context.ts";
import { hostVersions } from "./hostContent.ts";
import { describeServices, withAnswers } from "./load.ts";
import { apply, plan } from "./reconcile.ts";
import { restore, type RollbackTarget, secretVersions } from "./rollback.ts";
import type { ApplySettings, Run } from "./run.ts";
import type { StoredModel } from "./state.ts";

/**
 * Takes the services that `outcome` names back to what was last applied: a plan of its own, paced by
 * their `rollback_config`, and its apply, under the lock that the caller holds. Undefined where there
 * is nothing to take back. No hold is set: the files still want what they say. Rejects with
 * `rollback-failed` where nothing applied is known and with `secret-version-gone` where its values
 * are gone, before anything is touched.
 */
export async function rollBackUpdates(
  context: Context,
  run: Run,
  outcome: Outcome,
  settings: ApplySettings,
  signal: AbortSignal,
): Promise<Outcome | undefined> {
  const updates = outcome.toRollBack.filter(
    (update) => goesBack(run, update) && hasChanged(outcome, update),
  );
  if (updates.length === 0 || settings.force.aborted) return undefined;
  const services = updates.map(({ service }) => service);
  const target = await lastApplied(context, run, services);
  const { revision } = target;
  const { report } = settings;
  const back = await planBack(context, run, services, target, report, signal);
  const tell = (end: string): void => {
    for (const { service, failed, total } of updates) {
      const message = `service "${service}": ${failed} of ${total} replicas failed; ${end}`;
      report({ type: "warning", code: "update-rolled-back", message });
    }
  };
  if (back.plan.operations.length === 0) {
    tell(`revision ${revision} says the same of it, so the others stay as they are`);
    return undefined;
  }
  tell(`going back to revision ${revision}, as its files say`);
  const remark = { rollbackTo: revision, afterFailure: true };
  const undone = await apply(context, back, { ...settings, remark }, signal);
  if (isComplete(undone)) tell(`rolled back to revision ${revision}`);
  return undone;
}

/** With `rollback_on_failure: false` what failed was left for a person, who is to find it. */
function goesBack({ desired }: Run, { service }: FailedUpdate): boolean {
  return desired.services.get(service)?.policy.rollbackOnFailure !== false;
}

/** Whether a replica is not what it was: a failed one went back by itself. */
function hasChanged({ done, failed }: Outcome, { service }: FailedUpdate): boolean {
  const changed = [
    ...done,
    ...failed.filter(({ error }) => error.code === "rollback-failed").map((one) => one.operation),
  ];
  return changed.some((one) => changedService(one) === service);
}

/** Of these services alone, the way from how they are now to `target`. */
export function planBack(
  context: Context,
  { request: asked, variables, plan: { options } }: Run,
  services: readonly string[],
  { desired }: RollbackTarget,
  report: Report,
  signal: AbortSignal,
): Promise<Run> {
  const { name } = desired.project;
  const opened = { name, trace: undefined, load: () => Promise.resolve(desired) };
  const request = { ...asked, variables: variables ?? asked.variables };
  return plan(context, request, opened, optionsFor(options, services), report, signal);
}

/** These services alone, of images that are here. */
function optionsFor(options: PlanOptions, services: readonly string[]): PlanOptions {
  return {
    ...DEFAULT_PLAN_OPTIONS,
    targets: services.map((service) => `service.${service}`),
    withDependencies: false,
    removeOrphans: "none",
    pull: "missing",
    scale: options.scale,
    stopTimeout: options.stopTimeout,
    pace: "rollback",
  };
}

/**
 * These services as they were last applied, beside what the run has made of networks and volumes.
 * Rejects with `rollback-failed` where of one of them nothing applied is known.
 */
export async function lastApplied(
  context: Context,
  { desired: wanted }: Run,
  names: readonly string[],
): Promise<RollbackTarget> {
  const history = await context.state.history(wanted.project.name);
  const applied = history.find(({ model }) => model !== undefined);
  const model = applied?.model;
  const stranger = names.find((service) => model?.services[service] === undefined);
  if (applied === undefined || model === undefined || stranger !== undefined) {
    throw unknown(stranger ?? names[0]);
  }
  const { environment } = wanted.project;
  const project = { ...restore(standing(model, wanted)), ...(environment && { environment }) };
  const services = describeServices(context, project);
  const versions = new Map([
    ...secretVersions(applied.versions),
    ...(await hostVersions(context, project, services)),
  ]);
  const desired = { project, services, versions, unversioned: wanted.unversioned };
  return { desired: await withAnswers(context, desired), revision: applied.revision };
}

/** What others use too is left as the run has made it: one service goes back, not the project. */
function standing(model: StoredModel, { project }: Desired): StoredModel {
  const now = <T>(stored: Readonly<Record<string, T>>, current: ReadonlyMap<string, T>) =>
    Object.fromEntries(
      Object.entries(stored).map(([key, one]) => [key, current.get(key) ?? one] as const),
    );
  return {
    ...model,
    networks: now(model.networks, project.networks),
    volumes: now(model.volumes, project.volumes),
  };
}

function unknown(service = ""): DsoError {
  return new DsoError(
    "rollback-failed",
    `service ${service} cannot be rolled back: no apply of it before this one is known`,
    { hint: "Mend what failed, then run `dso apply`: the replicas that are new by now stay." },
  );
}
