/**
 * The way forward of a rotation whose new container serves, step by step. Each step is idempotent
 * and told by ids and the journal alone: whoever was killed half way through begins again.
 */
import { DSO } from "../../model/labels.ts";
import type { RotationMember } from "../../model/journal.ts";
import type { ContainerDetail } from "../../model/observed.ts";
import { dropBelongings } from "../container/belongings.ts";
import {
  findNew,
  findOld,
  freeName,
  type RotationLog,
  type RotationTools,
} from "../journal/rotation.ts";
import { drain } from "../rollout/drain.ts";
import { offer, withdraw } from "../rollout/traffic.ts";

/** How an old container that has served until now is let go. */
export interface Farewell {
  /** How long connections to it may last on, ms. */
  readonly drainMs: number;
  /** So long nobody was led to it any more, ms: as if it had drained already. */
  readonly leftMs: number;
  /** Seconds to stop in, over the container's own. */
  readonly stopTimeout: number | undefined;
  /** The new one may have run to its end. */
  readonly mayEnd: boolean;
  /** Runs, and notes before, what the old one wants run before it stops. Whatever comes of it, it goes. */
  readonly beforeStop?: (old: ContainerDetail) => Promise<void>;
}

/** False where the new container has ended meanwhile, and the old one is still there to go back to. */
export async function goForward(
  tools: RotationTools,
  log: RotationLog,
  made: ContainerDetail,
  farewell: Farewell,
  signal: AbortSignal,
): Promise<boolean> {
  const blueGreen = log.now.method === "blue-green";
  if (blueGreen) await giveNames(tools, log, made, signal);
  await takePlace(tools, log, made, signal);
  if (blueGreen) await takeNames(tools, log, signal);
  return retire(tools, log, farewell, signal);
}

/** The service's names lead to the new container, too. Answers the networks that are there no more. */
export async function giveNames(
  tools: RotationTools,
  log: RotationLog,
  made: ContainerDetail,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const member = withAddresses(log.now.new, made);
  if (member === undefined) return [];
  await log.step("give-aliases", { new: member });
  return (await offer(tools, made, member, signal)).gone;
}

/** An address that the engine chose at the start is noted, to be kept. */
function withAddresses(
  member: RotationMember | undefined,
  { networks }: ContainerDetail,
): RotationMember | undefined {
  if (member === undefined) return undefined;
  const endpoints = member.endpoints.map((endpoint) => {
    const shown = networks.find(({ network }) => network === endpoint.network);
    const { ipv4 = endpoint.ipv4, ipv6 = endpoint.ipv6 } = shown ?? {};
    return { ...endpoint, ipv4, ipv6 };
  });
  return { ...member, endpoints };
}

/** They lead to the old one no more. Answers the networks on which it may have lost its connections. */
export async function takeNames(
  tools: RotationTools,
  log: RotationLog,
  signal: AbortSignal,
): Promise<readonly string[]> {
  await log.step("take-aliases");
  const [was, old] = [log.now.old, await findOld(tools, log.now, signal)];
  if (was === undefined || old === undefined) return [];
  return (await withdraw(tools, old, was, signal)).moved;
}

/**
 * The new container gets the service's name and its own restart policy; the old one steps aside. Before
 * the aliases are taken from that: while newer engines (28) rename a container it has none for a moment.
 */
export async function takePlace(
  tools: RotationTools,
  log: RotationLog,
  made: ContainerDetail,
  signal: AbortSignal,
): Promise<void> {
  const { engine } = tools;
  const old = await findOld(tools, log.now, signal);
  if (old !== undefined && log.now.method === "blue-green") {
    await log.step("detach-old");
    await engine.updateRestartPolicy(old.id, { Name: "no" }, signal);
  }
  if (old !== undefined && old.name === log.now.name) {
    await log.step("rename-old");
    const aside = await freeName(tools, `${log.now.name}-old`, log.now, signal);
    await engine.renameContainer(old.id, aside, signal);
  }
  await takeOver(tools, log, made, signal);
}

async function takeOver(
  { engine }: RotationTools,
  log: RotationLog,
  made: ContainerDetail,
  signal: AbortSignal,
): Promise<void> {
  const { name, new: member } = log.now;
  if (made.name !== name) {
    await log.step("rename-new");
    await engine.renameContainer(made.id, name, signal);
  }
  if (member === undefined) return;
  await log.step("set-policy");
  await engine.updateRestartPolicy(made.id, member.restartPolicy, signal);
}

/**
 * The old container ends, when those who are still connected to it are done, and goes with all it had.
 * False, and it is left, where the new one is not there any more: the last that serves never goes.
 */
export async function retire(
  tools: RotationTools,
  log: RotationLog,
  { drainMs, leftMs, stopTimeout, mayEnd, beforeStop }: Farewell,
  signal: AbortSignal,
): Promise<boolean> {
  const { engine } = tools;
  const old = await findOld(tools, log.now, signal);
  if (old?.state === "running" && log.now.method === "blue-green") {
    await log.step("drain-old");
    await drain(tools, old, { drainMs, leftMs }, signal);
    if (!(await stands(tools, log.now, mayEnd, signal))) return false;
    await beforeStop?.(old);
    await log.step("stop-old", { stopping: old.startedAt });
    await engine.stopContainer(old.id, stopTimeout, signal);
  }
  await log.step("remove-old");
  // Somebody may have ended or removed it since, while the old one took its time to stop.
  if (!(await stands(tools, log.now, mayEnd, signal))) return false;
  if (old !== undefined) {
    await engine.removeContainer(old.id, { force: true, volumes: false }, signal);
  }
  await log.step("drop-generation");
  const { project, old: was } = log.now;
  const had = { generation: was?.generation, rotation: old?.labels[DSO.rotation] };
  await dropBelongings(tools, project, had, signal);
  await log.end("completed");
  return true;
}

/** Whether the new container runs, and by itself: by now its restart policy is its own. */
async function stands(
  tools: RotationTools,
  rotation: RotationLog["now"],
  mayEnd: boolean,
  signal: AbortSignal,
): Promise<boolean> {
  const made = await findNew(tools, rotation, signal);
  if (mayEnd && made?.state === "exited" && made.exitCode === 0) return true;
  return made?.state === "running" && made.restartCount === 0;
}
