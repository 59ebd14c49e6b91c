/**
 * Whom a `post_start` is owed: what is about to be started, and what has heard its `pre_stop`. The journal
 * says so before either, until the hooks have run: whoever goes on for a process that was killed knows.
 */
import type { Desired, DesiredService } from "../../model/desired.ts";
import type { Report } from "../../model/events.ts";
import type { Rotation, RotationMember } from "../../model/journal.ts";
import type { ContainerDetail } from "../../model/observed.ts";
import { type RotationLog, type RotationTools, undeterred } from "../journal/rotation.ts";
import { hooksOf, limitOf, tryHooks } from "./commands.ts";

export type Side = "old" | "new";

export type Announcing = Pick<RotationTools, "engine"> & {
  readonly report: Report;
  /** For containers that Compose has made; absent where the files cannot be read. */
  readonly desired?: Pick<Desired, "services"> | undefined;
};

/** What the journal is to say before that; nothing for a container that wants nothing run after its start. */
export function owing(
  rotation: Rotation,
  side: Side,
  { labels }: Pick<ContainerDetail, "labels">,
  service: Pick<DesiredService, "model"> | undefined,
): Partial<Record<Side, RotationMember>> {
  const hooks = hooksOf(labels, "post_start", service?.model);
  return hooks.length === 0 ? {} : put(rotation, side, true);
}

/** What it is to say after that. */
export function settled(rotation: Rotation, side: Side): Partial<Record<Side, RotationMember>> {
  return isOwed(rotation, side) ? put(rotation, side, false) : {};
}

export function isOwed(rotation: Rotation, side: Side): boolean {
  return rotation[side]?.owed === true;
}

function put(rotation: Rotation, side: Side, owed: boolean): Partial<Record<Side, RotationMember>> {
  const member = rotation[side];
  return member === undefined ? {} : { [side]: { ...member, owed } };
}

/** Notes it before a start that undoes something; a full disk does not hold that up. */
export async function owe(
  { desired }: Announcing,
  log: RotationLog,
  side: Side,
  container: ContainerDetail,
): Promise<void> {
  if (isOwed(log.now, side)) return;
  const change = owing(log.now, side, container, desired?.services.get(log.now.service));
  if (change[side] !== undefined) await undeterred(log).note(change);
}

interface Announced {
  readonly side: Side;
  readonly id: string;
  /** What comes of it where the hooks fail. */
  readonly outcome: string;
}

/** Runs what is owed to a container that runs, and strikes it out, whatever came of it. */
export async function announce(
  tools: Announcing,
  log: RotationLog,
  announced: Announced,
  signal: AbortSignal,
): Promise<void> {
  if (!isOwed(log.now, announced.side)) return;
  await runOwed(tools, log, announced, signal);
  await undeterred(log).note(settled(log.now, announced.side));
}

/** Answers whether nothing failed. The output is not shown: nobody here knows what to hide in it. */
export async function runOwed(
  { engine, report, desired }: Announcing,
  { now }: RotationLog,
  { side, id, outcome }: Announced,
  signal: AbortSignal,
): Promise<boolean> {
  const container = await engine.inspectContainer(id, signal);
  if (!isOwed(now, side) || container?.state !== "running") return true;
  const service = desired?.services.get(now.service);
  const hooks = hooksOf(container.labels, "post_start", service?.model);
  const tools = { engine, report, scrub: () => "" };
  const how = { limitMs: limitOf(service), outcome };
  return tryHooks(tools, { container, kind: "post_start", hooks }, how, signal);
}
