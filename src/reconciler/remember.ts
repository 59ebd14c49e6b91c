import { isDeepStrictEqual } from "node:util";
import { isCarriedThrough, isComplete, type Outcome } from "../apply/context.ts";
import { type Desired, referencesOf } from "../model/desired.ts";
import { AGAIN } from "../diff/programs.ts";
import { DsoError } from "../model/errors.ts";
import type { Plan } from "../model/plan.ts";
import { isGiven } from "../model/programs.ts";
import { secretName } from "../model/reference.ts";
import type { ComposeProject } from "../model/project.ts";
import { afterRun } from "./attempts.ts";
import type { Context } from "./context.ts";
import { measuredBy } from "./downtimes.ts";
import { leftBehind, leftByFailed, startedBy } from "./lastApply.ts";
import { type Remark, type Run, wasWhole } from "./run.ts";
import { settle } from "./settle.ts";
import type { HistoryEntry, StoredModel } from "./state.ts";

/** Writes the registry and the history once a plan was carried out, or was not. */
export async function remember(
  context: Context,
  run: Run,
  outcome: Outcome,
  remark: Remark = {},
  signal: AbortSignal,
): Promise<void> {
  const { desired, plan } = run;
  const { name } = desired.project;
  const destroyed = plan.options.mode === "destroy";
  const settled = remark.afterFailure === true ? [] : await settle(context, run, outcome);
  const history = await context.state.history(name);
  const done = isOnlyAskedAgain(plan, outcome, history) ? 0 : plan.operations.length;
  if (done + settled.length > 0 || remark.rollbackTo !== undefined) {
    const before = history.find(({ model }) => model !== undefined)?.model;
    const noted = entry(context, run, outcome, remark, before);
    await context.state.remember(name, { ...noted, reasons: [...noted.reasons, ...settled] });
  }
  if (!destroyed && remark.afterFailure !== true) await keepLedger(context, run, outcome, signal);
  if (destroyed && isComplete(outcome) && wasWhole(run)) return context.state.forget(name);
  const left = isCarriedThrough(outcome)
    ? await leftBehind(context, run, outcome, signal)
    : await leftByFailed(context, run, outcome, signal);
  const known = await context.state.registered(name);
  // What this run has started nobody means to be stopped any more.
  const started = startedBy(outcome.done);
  const stopped = known?.stopped && { stopped: known.stopped.filter((id) => !started.has(id)) };
  if (!destroyed) {
    const services = new Set(desired.project.services.keys());
    const measured = measuredBy(outcome, run.observed, services);
    return context.state.register({
      ...{ ...registration(context, run), ...left, ...measured, ...stopped },
    });
  }
  if (known !== undefined) await context.state.register({ ...known, ...left });
}

/** Each `apply` asks the programs of provider services; that they had nothing new is no history. */
function isOnlyAskedAgain(
  { changes, operations }: Plan,
  outcome: Outcome,
  [newest]: readonly HistoryEntry[],
): boolean {
  const again = changes.filter(({ reasons }) => reasons.every(({ code }) => code === AGAIN));
  const isAll = again.length === changes.length && operations.length === changes.length;
  return isAll && isComplete(outcome) && newest?.outcome === "applied";
}

function registration(context: Context, { request, variables, desired, observed }: Run) {
  const { name, files } = desired.project;
  // Whoever works without a shell learns nothing new of one, and forgets nothing that one has said.
  const known = request.variables ?? variables;
  return {
    name,
    // By its name: should the files be given another one, they describe another project.
    request: { ...request, files, projectName: name, variables: known },
    engineId: observed.engine.id,
    secrets: secretsOf(desired),
    appliedAt: new Date(context.clock.now()).toISOString(),
  };
}

async function keepLedger(
  context: Context,
  run: Run,
  outcome: Outcome,
  signal: AbortSignal,
): Promise<void> {
  const { state, clock } = context;
  const { name } = run.desired.project;
  const before = await state.attempts(name);
  const tried = { ...run, observed: await withImagesOf(context, run, outcome, signal) };
  const after = afterRun(tried, outcome, before, new Date(clock.now()).toISOString());
  if (!isDeepStrictEqual(before, after)) await state.setAttempts(name, after);
}

/** Of what failed, the images as they are now: the run itself may have pulled or built them. */
async function withImagesOf(
  { engine }: Context,
  { desired, observed }: Run,
  { failed }: Outcome,
  signal: AbortSignal,
): Promise<Run["observed"]> {
  const images = new Map(observed.images);
  for (const { operation } of failed) {
    const service = "service" in operation ? desired.services.get(operation.service) : undefined;
    if (service === undefined) continue;
    try {
      const found = await engine.inspectImage(service.image, signal);
      if (found !== undefined) images.set(service.image, found);
    } catch (error) {
      // The verdict is kept, also where nobody can be asked any more.
      if (!(error instanceof DsoError) && !signal.aborted) throw error;
    }
  }
  return { ...observed, images };
}

/** Names (`provider:path`) of all secrets that the project uses, sorted. */
function secretsOf(desired: Desired): readonly string[] {
  const names = new Set<string>();
  for (const { bindings } of desired.services.values())
    for (const { template } of bindings)
      for (const reference of referencesOf(template))
        if (!isGiven(reference)) names.add(secretName(reference));
  return [...names].sort();
}

function entry(
  context: Context,
  run: Run,
  outcome: Outcome,
  remark: Remark,
  before: StoredModel | undefined,
): Omit<HistoryEntry, "revision"> {
  const { desired, plan } = run;
  const reasons = plan.changes.flatMap(({ address, reasons: why }) =>
    why.map(
      ({ code, detail }) => `${address}: ${code}${detail === undefined ? "" : ` (${detail})`}`,
    ),
  );
  return {
    at: new Date(context.clock.now()).toISOString(),
    who: context.who,
    ...verdict(plan, outcome),
    reasons: [...new Set(reasons)],
    versions: Object.fromEntries(desired.versions),
    rollbackTo: remark.rollbackTo,
    model:
      isCarriedThrough(outcome) && plan.options.mode === "apply"
        ? storeModel(run, before)
        : undefined,
  };
}

function verdict({ options }: Plan, outcome: Outcome): Pick<HistoryEntry, "outcome" | "summary"> {
  const failure = outcome.failed[0]?.error;
  if (failure !== undefined) {
    const rolledBack = failure.code === "rolled-back";
    return { outcome: rolledBack ? "rolled-back" : "failed", summary: failure.message };
  }
  const counts = `${outcome.added} added, ${outcome.changed} changed, ${outcome.destroyed} destroyed`;
  if (!isComplete(outcome)) return { outcome: "failed", summary: `interrupted: ${counts}` };
  return { outcome: options.mode === "destroy" ? "destroyed" : "applied", summary: counts };
}

/** Of services that the run left out, what was applied `before` is still what stands. */
function storeModel(run: Run, before: StoredModel | undefined): StoredModel {
  const whole = wasWhole(run);
  const stored = asStored(run.desired.project);
  const services = Object.entries(stored.services).flatMap(([name, model]) => {
    const applied = whole || wasMeant(run, name) ? model : before?.services[name];
    return applied === undefined ? [] : [[name, applied] as const];
  });
  return { ...stored, services: Object.fromEntries(services) };
}

function wasMeant({ plan }: Run, service: string): boolean {
  const addresses = [...plan.changes.map(({ address }) => address), ...plan.unchanged];
  return addresses.some((address) => address.startsWith(`container.${service}[`));
}

/** The project as it goes into the history. */
export function asStored(project: ComposeProject): StoredModel {
  const { name, workingDir, files, environmentFiles, profiles, disabledServices } = project;
  return {
    name,
    workingDir,
    files,
    environmentFiles,
    profiles,
    disabledServices,
    services: Object.fromEntries(project.services),
    networks: Object.fromEntries(project.networks),
    volumes: Object.fromEntries(project.volumes),
    secrets: Object.fromEntries(project.secrets),
    configs: Object.fromEntries(project.configs),
  };
}
