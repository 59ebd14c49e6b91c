/** What an apply leaves on the engine: without it nobody could tell later what was taken away or stopped. */
import type { Outcome } from "../apply/context.ts";
import { scaled } from "../diff/situation.ts";
import { COMPOSE } from "../model/labels.ts";
import { DsoError } from "../model/errors.ts";
import type { LastApply, ObservedContainer } from "../model/observed.ts";
import type { Context } from "./context.ts";
import type { Run } from "./run.ts";
import type { RegisteredProject } from "./state.ts";

type Left = Pick<RegisteredProject, "left">;

/** Undefined where nothing was applied to this engine. */
export function lastApplyTo(
  engineId: string,
  registered: RegisteredProject | undefined,
): LastApply | undefined {
  if (registered?.left === undefined || registered.engineId !== engineId) return undefined;
  const { containers, running } = registered.left;
  return { containers: new Map(Object.entries(containers)), running: new Set(running) };
}

/** Of a run that failed: what was left before it, and of what it has made that which is at work. */
export async function leftByFailed(
  { engine }: Pick<Context, "engine">,
  { desired, observed }: Run,
  { done }: Outcome,
  signal: AbortSignal,
): Promise<Left> {
  if (observed.lastApply === undefined) return {};
  const { containers, running } = observed.lastApply;
  const before = { left: { containers: Object.fromEntries(containers), running: [...running] } };
  if (done.length === 0) return before;
  const known = new Set(observed.containers.map(({ id }) => id));
  try {
    const { containers: present } = await engine.listProject(desired.project.name, signal);
    const made = present.filter(({ id, state, labels }) => {
      return state === "running" && !known.has(id) && labels[COMPOSE.oneoff] !== "True";
    });
    const ids = [...running, ...made.map(({ id }) => id)].sort();
    return { left: { ...before.left, running: ids } };
  } catch (error) {
    // It may have failed because nobody answers.
    if (error instanceof DsoError || signal.aborted) return before;
    throw error;
  }
}

/** Looks at the engine once more where the plan has changed something there. */
export async function leftBehind(
  { engine }: Pick<Context, "engine">,
  run: Run,
  outcome: Outcome,
  signal: AbortSignal,
): Promise<Left> {
  const idle = run.plan.operations.length === 0;
  const { containers } = idle
    ? run.observed
    : await engine.listProject(run.desired.project.name, signal);
  const present = containers.filter(({ labels }) => labels[COMPOSE.oneoff] !== "True");
  return { left: { containers: counts(run, present), running: atWork(run, outcome, present) } };
}

/** What is missing, and was none of this run's business, is missing still. */
function counts(
  { desired, observed, plan }: Run,
  present: readonly ObservedContainer[],
): Readonly<Record<string, number>> {
  const { mode } = plan.options;
  const former = mode === "destroy" ? undefined : observed.lastApply?.containers;
  const entries = [...desired.services.values()].map((service): [string, number] => {
    const { name } = service;
    const now = present.filter(({ labels }) => labels[COMPOSE.service] === name).length;
    return [name, Math.max(now, Math.min(former?.get(name) ?? 0, scaled(plan.options, service)))];
  });
  return Object.fromEntries(entries.filter(([, count]) => count > 0));
}

/** What was stopped before, and was not started by this run, is stopped still. */
function atWork(
  { observed }: Run,
  { done }: Outcome,
  present: readonly ObservedContainer[],
): readonly string[] {
  const started = startedBy(done);
  const former = observed.lastApply?.running;
  const stopped = (id: string): boolean => former?.has(id) === true && !started.has(id);
  return present
    .filter(({ id, state }) => state === "running" || stopped(id))
    .map(({ id }) => id)
    .sort();
}

/** Ids of containers that stood there, and were started. */
export function startedBy(done: Outcome["done"]): ReadonlySet<string> {
  return new Set(
    done.flatMap((one) =>
      one.kind === "start-container" || one.kind === "restart-container" ? [one.containerId] : [],
    ),
  );
}
