/** What serves in place of an update that failed is made anew where somebody has taken it away. */
import type { Outcome } from "../apply/context.ts";
import { isDeclaredJob } from "../model/jobs.ts";
import { COMPOSE } from "../model/labels.ts";
import { standingAttempts, verdictsIn } from "./attempts.ts";
import type { Context } from "./context.ts";
import { lastApplied, planBack } from "./failedUpdates.ts";
import { apply } from "./reconcile.ts";
import type { ApplySettings, Run } from "./run.ts";

interface Restored {
  readonly services: readonly string[];
  readonly outcome: Outcome;
}

/**
 * Makes those of the services anew, as they were last applied, of which no container is there: not what
 * somebody stopped, no job, which would run once more, and not what has failed as it was applied. Undefined
 * where that leaves none. Rejects like `rollBackUpdates`.
 */
export async function restoreGone(
  context: Context,
  run: Run,
  leftAlone: readonly string[],
  settings: ApplySettings,
  signal: AbortSignal,
): Promise<Restored | undefined> {
  const { name } = run.desired.project;
  const history = await context.state.history(name);
  const model = history.find((entry) => entry.model !== undefined)?.model;
  const gone = leftAlone.filter(
    (service) => isGone(run, service) && model?.services[service] !== undefined,
  );
  if (gone.length === 0) return undefined;
  const target = await lastApplied(context, run, gone);
  const tried = { desired: target.desired, observed: run.observed };
  const ledger = await context.state.attempts(name);
  const failed = [...standingAttempts(tried, ledger), ...ledger.filter((one) => one.backFailed)];
  const services = gone.filter((service) => failed.every((one) => one.service !== service));
  if (services.length === 0) return undefined;
  const { revision } = target;
  for (const service of services) {
    const message = `service "${service}": nothing of it is there, and what its files say has failed; going back to revision ${revision}`;
    settings.report({ type: "warning", code: "service-restored", message });
  }
  const back = await planBack(context, run, services, target, settings.report, signal);
  const remark = { rollbackTo: revision, afterFailure: true };
  const outcome = await apply(context, back, { ...settings, remark }, signal);
  const dead = new Set(verdictsIn(outcome));
  if (dead.size > 0) {
    const marked = ledger.map((one) =>
      dead.has(one.service) ? { ...one, backFailed: true as const } : one,
    );
    await context.state.setAttempts(name, marked);
  }
  return { services, outcome };
}

function isGone({ desired, observed }: Run, name: string): boolean {
  const service = desired.services.get(name);
  if (service === undefined || isDeclaredJob(desired, service)) return false;
  return observed.containers.every(
    ({ labels }) => labels[COMPOSE.service] !== name || labels[COMPOSE.oneoff] === "True",
  );
}
