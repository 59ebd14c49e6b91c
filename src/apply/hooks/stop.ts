import type { DesiredService } from "../../model/desired.ts";
import type { Report } from "../../model/events.ts";
import type { ContainerDetail } from "../../model/observed.ts";
import type { Work } from "../context.ts";
import { refuseAborted, type RotationLog } from "../journal/rotation.ts";
import type { ProbeTools } from "../rollout/probe.ts";
import { hooksOf, limitOf, runHooks, tryHooks } from "./commands.ts";
import { owing } from "./owed.ts";

/**
 * Runs what the container wants run before it stops; rejects with `hook-failed`, or with `aborted` where
 * that was asked for meanwhile. Then it runs on, and is owed its post_start.
 */
export async function beforeStop(
  work: Work,
  service: DesiredService | undefined,
  container: ContainerDetail,
  log: RotationLog,
  signal: AbortSignal,
): Promise<void> {
  const hooks = hooksOf(container.labels, "pre_stop", service?.model);
  if (container.state !== "running" || hooks.length === 0) return;
  await log.step("pre-stop", owing(log.now, "old", container, service));
  const tools = { engine: work.engine, scrub: work.scrubber.scrub };
  // The engine cannot end a command: cut off, it would go on beside the post_start that undoes it.
  await runHooks(tools, { container, kind: "pre_stop", hooks }, limitOf(service), work.force);
  refuseAborted(signal);
}

type Leaving = ProbeTools & { readonly report: Report };

/** The same for a container that another one has taken over from: whatever comes of it, it goes. */
export async function beforeLeaving(
  tools: Leaving,
  service: DesiredService | undefined,
  container: ContainerDetail,
  log: RotationLog,
  signal: AbortSignal,
): Promise<void> {
  const hooks = hooksOf(container.labels, "pre_stop", service?.model);
  if (hooks.length === 0) return;
  await log.step("pre-stop", owing(log.now, "old", container, service));
  const outcome = "the container went, as another one has its place";
  const how = { limitMs: limitOf(service), outcome };
  await tryHooks(tools, { container, kind: "pre_stop", hooks }, how, signal);
}
