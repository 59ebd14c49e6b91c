/** `pre_start`: containers that run to their end before those of their service start. */
import { describeSelf } from "../../lib/lockRecord.ts";
import type { DesiredService } from "../../model/desired.ts";
import { DsoError } from "../../model/errors.ts";
import { forerunnersOf } from "../../model/forerunners.ts";
import { COMPOSE } from "../../model/labels.ts";
import type { Operation } from "../../model/plan.ts";
import type { Work } from "../context.ts";
import { tellLastWords } from "../failure.ts";
import { limited } from "../rollout/probe.ts";
import { removeLeftovers } from "../memory/leftovers.ts";
import { hookFailed } from "./commands.ts";
import { forerunnerBody } from "./forerunner.ts";

/** A container that is made, and about to be started. */
export interface Starting {
  readonly operation: Operation;
  readonly service: DesiredService;
  readonly id: string;
}

interface Step {
  /** As if it were a service. */
  readonly before: DesiredService;
  readonly index: number;
}

/** Whether anything runs before this container. */
export function hasForerunners(work: Work, starting: Starting): boolean {
  return stepsOf(work, starting).length > 0;
}

/**
 * Runs them one after the other: those of the whole service once in this run, before the first of its
 * containers that starts. Rejects with `hook-failed` at the first that does not end with 0, or is not
 * done within the time of a rotation. Whatever happens, none of them is left.
 */
export async function runForerunners(
  work: Work,
  starting: Starting,
  signal: AbortSignal,
): Promise<void> {
  const { service } = starting;
  const steps = stepsOf(work, starting);
  if (steps.length === 0) return;
  // Of a run that was killed: two of them must not do the same at once.
  await removeLeftovers(work.engine, work.force);
  const given = AbortSignal.any([signal, work.force]);
  const limit = limited(service.policy.rotationTimeoutMs, given);
  const shared = steps.filter(({ before }) => before.model["per_replica"] !== true);
  if (shared.length > 0) {
    const { forerun } = work.roster;
    const others = forerun.get(service.name);
    const running = others ?? runEach(work, starting, shared, limit);
    forerun.set(service.name, running);
    await running;
  }
  const own = steps.filter(({ before }) => before.model["per_replica"] === true);
  await runEach(work, starting, own, limit);
}

/** None of the whole service while another replica of it runs on as it is: then this is only one more. */
function stepsOf(work: Work, { service, id }: Starting): readonly Step[] {
  const steps = forerunnersOf(service).map((before, index) => ({ before, index }));
  const alone = steps.length > 0 && !isOneMore(work, service.name, id);
  return steps.filter(({ before }) => alone || before.model["per_replica"] === true);
}

function isOneMore({ plan, observed }: Work, service: string, id: string): boolean {
  const renewed = plan.operations.some(
    (one) => one.kind === "replace-container" && one.service === service,
  );
  if (renewed) return false;
  return observed.containers.some(
    ({ id: other, labels, state }) =>
      other !== id &&
      state === "running" &&
      labels[COMPOSE.service] === service &&
      labels[COMPOSE.oneoff] !== "True",
  );
}

async function runEach(
  work: Work,
  starting: Starting,
  steps: readonly Step[],
  limit: AbortSignal,
): Promise<void> {
  for (const step of steps) await runOne(work, starting, step, limit);
}

async function runOne(
  work: Work,
  starting: Starting,
  step: Step,
  limit: AbortSignal,
): Promise<void> {
  const { engine, force } = work;
  const what = `pre_start[${step.index}] of ${starting.service.name}`;
  const id = await make(work, starting, step);
  try {
    await engine.startContainer(id, force);
    const code = await engine.waitContainer(id, limit);
    if (code !== 0) throw hookFailed(`${what} ended with ${code}`);
  } catch (error) {
    force.throwIfAborted();
    const late = isTimeout(limit) ? hookFailed(`${what} was not done in time`) : error;
    if (!(late instanceof DsoError)) throw late;
    throw await tellLastWords(work, starting.operation, id, late);
  } finally {
    // Left to the next run only where this one is to end at once.
    if (!force.aborted) await discard(work, id);
  }
}

function isTimeout({ aborted, reason }: AbortSignal): boolean {
  return aborted && reason instanceof DOMException && reason.name === "TimeoutError";
}

async function make(
  work: Work,
  { service, id }: Starting,
  { before, index }: Step,
): Promise<string> {
  const { engine, random, force } = work;
  const { image: reference, model } = before;
  const [image, container] = await Promise.all([
    engine.inspectImage(reference, force),
    engine.inspectContainer(id, force),
  ]);
  if (image === undefined) {
    const message = `pre_start[${index}] of ${service.name}: the engine has no image ${reference}`;
    throw new DsoError("image-missing", message, { hint: "Pull it, or correct its name." });
  }
  if (container === undefined) throw hookFailed(`the container of ${service.name} is gone`);
  const name = `${work.plan.project}-${service.name}-pre-start-${index + 1}-${random.hex(4)}`;
  const owner = JSON.stringify(describeSelf("", `run before ${service.name}`));
  const body = forerunnerBody(work, { service: before, name, image, container, owner });
  const options = model.platform === undefined ? {} : { platform: model.platform };
  return engine.createContainer(name, body, options, force);
}

/** In its own time, whoever waits for it no more. Its mounts are the service's. */
async function discard({ engine, force }: Work, id: string): Promise<void> {
  await engine.stopContainer(id, undefined, force);
  await engine.removeContainer(id, { force: true, volumes: true }, force);
}
