import type { DsoError } from "../model/errors.ts";
import type { Report } from "../model/events.ts";
import type { Rotation } from "../model/journal.ts";
import { COMPOSE, DSO } from "../model/labels.ts";
import type { ObservedContainer } from "../model/observed.ts";
import type { Operation, Plan } from "../model/plan.ts";
import {
  type ApplyContext,
  type Done,
  type Failure,
  isComplete,
  type Outcome,
  type Work,
} from "./context.ts";
import { failureOf, ofService, toBeMended } from "./failure.ts";
import { learnGiven } from "./given.ts";
import { reconnect, rememberNetworks, restoreSkipped } from "./network/formerNetworks.ts";
import { carryOut } from "./handlers.ts";
import { isOpen } from "./journal/journal.ts";
import { removeLeftovers } from "./memory/leftovers.ts";
import { preflight } from "./preflight.ts";
import { abandoned } from "./journal/rotation.ts";
import { createRoster } from "./journal/roster.ts";
import { type Result, schedule } from "./schedule.ts";
import { createTolerance, type Tolerance } from "./tolerance.ts";
import { takeBack, tidyIfPossible } from "./undone.ts";
import { createScrubber, dropControls } from "./scrub.ts";
import { sweepGenerations } from "./recovery/sweep.ts";

interface Results {
  readonly done: Map<Operation, Done>;
  readonly failed: Failure[];
  readonly tolerance: Tolerance;
}

/**
 * Carries a plan out. Rejects when it cannot begin, with nothing changed; what
 * fails later is in the outcome. Aborting `signal` ends it after the steps that
 * run, with begun rotations rolled back; aborting `context.force` ends it at
 * once, and the next run recovers.
 */
export async function execute(
  plan: Plan,
  context: ApplyContext,
  report: Report,
  signal: AbortSignal,
): Promise<Outcome> {
  const values = await preflight(plan, context, signal).catch((error: unknown) => {
    throw failureOf(error, { scrub: dropControls }, signal);
  });
  const scrubber = createScrubber([...values.all, ...context.answers.all]);
  const roster = createRoster(context.observed.containers);
  const tolerance = createTolerance(plan, context.desired);
  const results: Results = { done: new Map(), failed: [], tolerance };
  try {
    await learnGiven(scrubber, spokenTo(plan, context), context, context.force);
    const former = await rememberNetworks(plan, context, signal);
    const desired = context.answers.into(context.desired);
    const work: Work = { ...context, desired, plan, report, values, scrubber, roster, former };
    await settleAddresses(plan, context);
    const skipped = await schedule(
      plan.operations,
      {
        limit: context.parallelism,
        run: (operation) => runOne(operation, work, results, signal),
        pause: (operation, stop) => pauseBefore(operation, work, stop),
      },
      AbortSignal.any([signal, context.force]),
    );
    reportSkipped(work, results, skipped);
    const undone = context.force.aborted ? [] : await tidyUp(work, results, skipped);
    return outcomeOf(plan, results, skipped, undone);
  } finally {
    values.drop();
    scrubber.drop();
  }
}

/** Containers of services that something is done with: what they say may be shown. */
function spokenTo({ operations }: Plan, { observed }: ApplyContext): readonly ObservedContainer[] {
  const services = new Set(operations.flatMap((one) => ("service" in one ? [one.service] : [])));
  return observed.containers.filter(({ labels }) => services.has(labels[COMPOSE.service] ?? ""));
}

function pauseBefore(operation: Operation, work: Work, stop: AbortSignal): Promise<void> {
  const ms = "delayMs" in operation ? (operation.delayMs ?? 0) : 0;
  work.report({ type: "operation-paused", operation, ms });
  return work.clock.sleep(ms, stop);
}

function reportSkipped({ report }: Work, { failed }: Results, skipped: readonly Operation[]): void {
  const ending = failed.filter(({ tolerated }) => !tolerated);
  const interrupted = ending.every(({ error }) => error.code === "aborted");
  for (const operation of skipped) report({ type: "operation-skipped", operation, interrupted });
}

/** Leaves nothing half done behind a run that failed; answers what it has taken back. */
async function tidyUp(
  work: Work,
  results: Results,
  skipped: readonly Operation[],
): Promise<readonly Operation[]> {
  results.failed.push(...(await restoreSkipped(work, skipped)));
  const complete = isComplete({ ...results, skipped });
  if (!complete) await tidyIfPossible(work, () => reconnect(work));
  const undone = complete ? [] : await takeBack(work, results.done);
  for (const operation of undone) {
    results.done.delete(operation);
    work.report({ type: "operation-undone", operation });
  }
  const stops = new Set([...results.done.values()].flatMap(({ stop }) => stop ?? []));
  // Done is done: what was deployed is to be remembered, whatever cannot be cleared away after it.
  await tidyIfPossible(work, async () => {
    if (stops.size > 0) await work.journal.remove(work.plan.project, stops);
    await sweepGenerations(work.plan.project, work, work.force);
    // Of a run that was killed before it had noted anything.
    await removeLeftovers(work.engine, work.force);
  });
  return undone;
}

/** Addresses of containers that somebody else removed are free again. */
async function settleAddresses(plan: Plan, context: ApplyContext): Promise<void> {
  const open = (await context.journal.list(plan.project)).filter(isOpen).map(({ id }) => id);
  const living = context.observed.containers.flatMap(({ labels }) => labels[DSO.rotation] ?? []);
  await context.addresses.keepOnly(plan.project, new Set([...living, ...open]));
}

async function runOne(
  operation: Operation,
  work: Work,
  results: Results,
  signal: AbortSignal,
): Promise<Result> {
  const begun = work.clock.elapsed();
  work.report({ type: "operation-started", operation });
  try {
    const done = await carryOut(operation, work, signal);
    results.done.set(operation, done);
    work.report({
      type: "operation-completed",
      operation,
      elapsedMs: work.clock.elapsed() - begun,
      containerId: done.containerId,
    });
    return "done";
  } catch (thrown) {
    const failure = work.force.aborted ? abandoned() : failureOf(thrown, work.scrubber, signal);
    const error = ofService(toBeMended(failure), operation, work);
    const elapsedMs = work.clock.elapsed() - begun;
    work.report({ type: "operation-failed", operation, elapsedMs, error });
    const tolerated = isTolerated(operation, results, failure, work.report);
    results.failed.push({ operation, error, tolerated });
    return tolerated ? "tolerated" : "failed";
  }
}

/** Whether the others go on in spite of it, as the files say. */
function isTolerated(
  operation: Operation,
  { tolerance }: Results,
  failure: DsoError,
  report: Report,
): boolean {
  const update = tolerance.count(operation, failure);
  if (update === undefined) return false;
  const { service, failed, total } = update;
  const message = `service "${service}": ${failed} of ${total} replicas failed so far, and its update goes on, as its files say`;
  report({ type: "warning", code: "update-goes-on", message });
  return true;
}

function outcomeOf(
  plan: Plan,
  { done, failed, tolerance }: Results,
  skipped: readonly Operation[],
  undone: readonly Operation[],
): Outcome {
  const unfinished = new Set([...failed.map(({ operation }) => operation), ...skipped, ...undone]);
  const untouched = new Set([...unfinished].map(({ address }) => address));
  const touched = new Set(plan.operations.map(({ address }) => address));
  const finished = plan.changes.filter(
    ({ address }) => touched.has(address) && !untouched.has(address),
  );
  const count = (...actions: readonly string[]): number =>
    finished.filter(({ action }) => actions.includes(action)).length;
  return {
    done: [...done.keys()],
    failed,
    skipped,
    undone,
    toRollBack: [...tolerance.toRollBack.values()],
    added: count("create", "replace"),
    changed: count("update"),
    destroyed: count("delete", "replace"),
    rotations: [...done.values()].flatMap(({ rotation }): readonly Rotation[] =>
      rotation ? [rotation] : [],
    ),
    downtimes: [...done].flatMap(([operation, { downtime }]) =>
      downtime === undefined ? [] : [{ operation, ...downtime }],
    ),
  };
}
