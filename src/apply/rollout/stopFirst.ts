import type { Done, Work } from "../context.ts";
import { failureOf } from "../failure.ts";
import { startNew } from "../hooks/start.ts";
import { beforeStop } from "../hooks/stop.ts";
import { budgetFor } from "./budget.ts";
import { freeName, refuseAborted } from "../journal/rotation.ts";
import { retire, takePlace } from "../recovery/finish.ts";
import { type Serving, waitServing } from "./health.ts";
import {
  endedEarly,
  giveUp,
  handOver,
  newId,
  openSwap,
  prepare,
  type Replace,
  type Swap,
  watchNew,
  vanished,
} from "./swap.ts";

/**
 * Stops the old container before the new one starts: never do two write at once.
 * The old one is kept until the new one serves, and comes back when it does not.
 */
export async function replaceStopFirst(
  operation: Replace,
  work: Work,
  signal: AbortSignal,
): Promise<Done> {
  const swap = await openSwap(operation, work);
  let served: Served;
  try {
    const begun = work.clock.elapsed();
    await prepare(swap, false, signal);
    served = await switchOver(swap, begun, signal);
    if (!served.completed) await watchNew(swap, signal);
    const made = await work.engine.inspectContainer(newId(swap.log), work.force);
    if (made === undefined) throw vanished(swap);
    await takePlace(work, swap.log, made, work.force);
  } catch (thrown) {
    work.force.throwIfAborted();
    throw await giveUp(swap, failureOf(thrown, work.scrubber, signal), signal);
  }
  const farewell = { drainMs: 0, leftMs: 0, stopTimeout: undefined, mayEnd: swap.oneShot };
  if (!(await retire(work, swap.log, farewell, work.force))) {
    throw await giveUp(swap, endedEarly(swap), signal);
  }
  return complete(swap, served);
}

type Served = Serving & { readonly downtime: { readonly ms: number; readonly stopMs: number } };

async function switchOver(swap: Swap, begun: number, signal: AbortSignal): Promise<Served> {
  const { operation, work, making, old, log, oneShot } = swap;
  const { engine, clock, force } = work;
  const id = newId(log);
  await log.step("detach-old");
  await engine.updateRestartPolicy(old.id, { Name: "no" }, force);
  const readyAt = clock.elapsed();
  await beforeStop(work, making.service, old, log, signal);
  refuseAborted(signal);
  await log.step("stop-old", { stopping: old.startedAt });
  const stoppedAt = clock.elapsed();
  await engine.stopContainer(old.id, work.plan.options.stopTimeout, force);
  const [leftMs, stopMs] = [clock.elapsed() - readyAt, clock.elapsed() - stoppedAt];
  await log.step("rename-old");
  const aside = await freeName(work, `${making.name}-old`, log.now, force);
  await engine.renameContainer(old.id, aside, force);
  await log.step("rename-new");
  await engine.renameContainer(id, making.name, force);
  refuseAborted(signal);
  await startNew(work, { operation, ...making, id }, log, signal);
  await log.step("await-health");
  const serving = await waitServing(
    { engine, clock, scrub: work.scrubber.scrub },
    id,
    budgetFor(making.service.policy, clock.elapsed() - begun - leftMs),
    { oneShot, fresh: true },
    AbortSignal.any([signal, force]),
  );
  return { ...serving, downtime: { ms: serving.since - stoppedAt, stopMs } };
}

function complete(swap: Swap, served: Served): Done {
  const { operation, work, log } = swap;
  const done = handOver(swap);
  const wasServing = log.now.old?.running === true && !served.completed;
  if (!wasServing) return done;
  const { downtime } = served;
  work.report({ type: "downtime", operation, ms: downtime.ms });
  return { ...done, downtime };
}
