import type { RotationLog } from "../journal/rotation.ts";
import type { Work } from "../context.ts";
import { look } from "../rollout/health.ts";
import { runHooks } from "./commands.ts";
import { hasForerunners, runForerunners, type Starting } from "./preStart.ts";

/**
 * Starts a new container, with what its service wants run before and after that. A process that is
 * killed in the middle has begun nothing that counts: the container goes, and another one is made.
 */
export async function startNew(
  work: Work,
  starting: Starting,
  log: RotationLog,
  signal: AbortSignal,
): Promise<void> {
  const { id, service } = starting;
  if (hasForerunners(work, starting)) {
    await log.step("pre-start");
    await runForerunners(work, starting, signal);
  }
  await log.step("start-new");
  await work.engine.startContainer(id, work.force);
  if ((service.model.post_start ?? []).length === 0) return;
  const { new: member } = log.now;
  await log.step("post-start", member === undefined ? {} : { new: { ...member, running: true } });
  await runPostStart(work, starting, signal);
}

/**
 * Starts a container that has run before. Where what is to run after that does not come to its end, for
 * whatever reason, it is stopped again: one that runs looks like one whose hooks have run. What runs
 * before its service is the caller's to decide.
 */
export async function startAgain(
  work: Work,
  starting: Starting,
  signal: AbortSignal,
): Promise<void> {
  await work.engine.startContainer(starting.id, work.force);
  try {
    await runPostStart(work, starting, signal);
  } catch (thrown) {
    work.force.throwIfAborted();
    await work.engine.stopContainer(starting.id, undefined, work.force);
    throw thrown;
  }
}

async function runPostStart(
  work: Work,
  { id, service }: Starting,
  signal: AbortSignal,
): Promise<void> {
  const hooks = service.model.post_start ?? [];
  if (hooks.length === 0) return;
  const stop = AbortSignal.any([signal, work.force]);
  const tools = { ...work, scrub: work.scrubber.scrub };
  const container = await look(tools, id, stop);
  const { rotationTimeoutMs } = service.policy;
  await runHooks(tools, { container, kind: "post_start", hooks }, rotationTimeoutMs, stop);
}
