import { together } from "../../lib/together.ts";
import { DsoError } from "../../model/errors.ts";
import type { ContainerDetail } from "../../model/observed.ts";
import type { Done } from "../context.ts";
import { failureOf } from "../failure.ts";
import { startNew } from "../hooks/start.ts";
import { beforeLeaving } from "../hooks/stop.ts";
import { budgetFor } from "./budget.ts";
import { refuseAborted } from "../journal/rotation.ts";
import { giveNames, retire, takeNames, takePlace } from "../recovery/finish.ts";
import { type Serving, waitServing } from "./health.ts";
import { waitAnswering } from "./verify.ts";
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
} from "./swap.ts";

/**
 * Starts the new container beside the old one, and leads the service's names from one to the other
 * when the new one serves. The old one never stops serving before, and is found as it was when
 * anything fails.
 */
export async function replaceBlueGreen(
  operation: Replace,
  work: Swap["work"],
  signal: AbortSignal,
): Promise<Done> {
  const swap = await openSwap(operation, work);
  let leftMs: number;
  try {
    const begun = work.clock.elapsed();
    await prepare(swap, true, signal);
    const serving = await prove(swap, begun, signal);
    await switchOver(swap, serving, signal);
    leftMs = serving.completed ? 0 : await watchNew(swap, signal);
  } catch (thrown) {
    work.force.throwIfAborted();
    throw await giveUp(swap, failureOf(thrown, work.scrubber, signal), signal);
  }
  // From here on there is only forward, unless what it leads to ends: the next run goes on where this one does.
  const { making, log } = swap;
  const { drainMs } = making.service.policy;
  const leaving = { ...work, scrub: work.scrubber.scrub };
  const farewell = {
    drainMs,
    leftMs,
    stopTimeout: work.plan.options.stopTimeout,
    mayEnd: swap.oneShot,
    beforeStop: (old: ContainerDetail) =>
      beforeLeaving(leaving, making.service, old, log, work.force),
  };
  if (!(await retire(work, log, farewell, work.force))) {
    throw await giveUp(swap, endedEarly(swap), signal);
  }
  return handOver(swap);
}

/** Started, and serving within its time, while nobody but us knows of it. */
async function prove(
  { operation, work, making, log, oneShot }: Swap,
  begun: number,
  signal: AbortSignal,
): Promise<Serving> {
  const { engine, clock, force } = work;
  const id = newId(log);
  await startNew(work, { operation, ...making, id }, log, signal);
  const served = waitServing(
    { engine, clock, scrub: work.scrubber.scrub },
    id,
    budgetFor(making.service.policy, clock.elapsed() - begun),
    { oneShot, fresh: true },
    AbortSignal.any([signal, force]),
  );
  // To look changes nothing, so that it need not wait for the disk.
  const [serving] = await together(served, log.step("await-health"));
  return serving;
}

async function switchOver(
  swap: Swap,
  { completed, container: made }: Serving,
  signal: AbortSignal,
): Promise<void> {
  const { work, making, old, log } = swap;
  const { engine, clock, force } = work;
  const [gone] = await giveNames(work, log, made, force);
  if (gone !== undefined) throw networkGone(gone);
  await log.step("verify-answer");
  const tools = { engine, clock, scrub: work.scrubber.scrub };
  const { health } = making.service.policy;
  if (!completed) await waitAnswering(tools, made.id, health, AbortSignal.any([signal, force]));
  refuseAborted(signal);
  await takePlace(work, log, made, force);
  const moved = await takeNames(work, log, force);
  if (moved.length > 0) {
    work.report({
      type: "warning",
      code: "degraded",
      message: `${old.name} may have lost its connections: network ${moved.join(", ")} lets nobody keep an address`,
    });
  }
}

/** Without it the new container is not what the plan promises. */
function networkGone(network: string): DsoError {
  return new DsoError("plan-stale", `network ${network} was removed since the plan was made`, {
    hint: "Run the command again: it makes the network anew.",
  });
}
