import type { ContainerDetail } from "../../model/observed.ts";
import type { Work } from "../context.ts";
import { forget, openHalt } from "../journal/halt.ts";
import type { RotationLog } from "../journal/rotation.ts";
import { look } from "../rollout/health.ts";
import { hooksOf, limitOf, runHooks } from "./commands.ts";
import { owing, settled } from "./owed.ts";
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
  // What is new was made as its service is now.
  await log.step("start-new", owing(log.now, "new", { labels: {} }, service));
  await work.engine.startContainer(id, work.force);
  if ((service.model.post_start ?? []).length === 0) return;
  const { new: member } = log.now;
  await log.step("post-start", member === undefined ? {} : { new: { ...member, running: true } });
  await runPostStart(work, starting, signal);
  log.learn(settled(log.now, "new"));
}

/**
 * Starts a container that has run before; `log` is that of its stop, if there was one. Where what is to
 * run after that does not come to its end, for whatever reason, it is stopped again. What runs before its
 * service is the caller's to decide.
 */
export async function startAgain(
  work: Work,
  starting: Starting,
  log: RotationLog | undefined,
  signal: AbortSignal,
): Promise<void> {
  const { id, operation, service } = starting;
  const { engine, force } = work;
  const container = await wantsHooks(work, starting);
  if (container === undefined) return engine.startContainer(id, force);
  const own = log ?? openHalt(work, "start", container, operation.why);
  await own.step("start-old", owing(own.now, "old", container, service));
  try {
    await engine.startContainer(id, force);
    await runPostStart(work, starting, signal);
  } catch (thrown) {
    force.throwIfAborted();
    await engine.stopContainer(id, undefined, force);
    await forget(work, own);
    throw thrown;
  }
  await forget(work, own);
}

/** The container, where it has anything to run after its start. */
async function wantsHooks(
  { engine, observed, force }: Work,
  { id, service }: Starting,
): Promise<ContainerDetail | undefined> {
  const { labels = {} } = observed.containers.find((one) => one.id === id) ?? {};
  const hooks = hooksOf(labels, "post_start", service.model);
  return hooks.length === 0 ? undefined : engine.inspectContainer(id, force);
}

async function runPostStart(
  work: Work,
  { id, service }: Starting,
  signal: AbortSignal,
): Promise<void> {
  const stop = AbortSignal.any([signal, work.force]);
  const tools = { ...work, scrub: work.scrubber.scrub };
  const container = await look(tools, id, stop);
  const hooks = hooksOf(container.labels, "post_start", service.model);
  await runHooks(tools, { container, kind: "post_start", hooks }, limitOf(service), stop);
}
