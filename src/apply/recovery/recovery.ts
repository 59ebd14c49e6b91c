import type { HealthPolicy } from "../../model/desired.ts";
import { showDuration } from "../../model/duration.ts";
import type { Report } from "../../model/events.ts";
import type { Rotation, RotationStatus, RotationStep } from "../../model/journal.ts";
import type { ContainerDetail } from "../../model/observed.ts";
import { isConflict, isDown } from "../failure.ts";
import { type Announcing, isOwed } from "../hooks/owed.ts";
import { beforeLeaving } from "../hooks/stop.ts";
import { waitServing } from "../rollout/health.ts";
import { waitSteady, waitWatched, type Watched } from "../rollout/verify.ts";
import { isSwapped, putBack, revert, signalAgain } from "./refreshed.ts";
import { isOpen } from "../journal/journal.ts";
import { removeLeftovers } from "../memory/leftovers.ts";
import {
  findNew,
  findOld,
  openLog,
  type RotationLog,
  type RotationTools,
} from "../journal/rotation.ts";
import { scrubberFor } from "../given.ts";
import type { Scrubber } from "../scrub.ts";
import { sweepGenerations } from "./sweep.ts";
import { type Farewell, goForward } from "./finish.ts";
import { endHalt } from "./halted.ts";
import { goBack, keepNew } from "./undo.ts";
import { describe, interrupted } from "./words.ts";

export interface RecoveryTools extends RotationTools, Pick<Announcing, "desired"> {
  /** How a service's health is judged; without it the container's own healthcheck or the settle time. */
  readonly healthOf?: (service: string) => HealthPolicy | undefined;
  /** How long connections to what is replaced may last on. */
  readonly drainMsOf?: (service: string) => number | undefined;
  /** Whether the service runs to an end, so that to have ended with 0 is to have served. */
  readonly isJob?: (service: string) => boolean;
  /** Whether what was delivered before is of no use any more, and what is delivered now is. */
  readonly isForwardOnly?: (versions: Rotation["versions"]) => Promise<boolean>;
}

type Recovering = RecoveryTools & { readonly report: Report } & Pick<Scrubber, "scrub">;

const DEFAULT_DRAIN_MS = 10_000;
const DEFAULT_HEALTH: HealthPolicy = {
  probe: undefined,
  timeoutMs: 30_000,
  retries: 3,
  intervalMs: 5000,
  startPeriodMs: undefined,
  settleMs: 5000,
};

/**
 * Finishes or undoes what a killed process left half done, by ids and the
 * journal alone. Doing it again changes nothing. Wants the project's lock. Answers
 * whether there was anything, so that what was seen before may be out of date.
 */
export async function recover(
  project: string,
  tools: RecoveryTools,
  report: Report,
  signal: AbortSignal,
): Promise<boolean> {
  const open = (await tools.journal.list(project)).filter(isOpen);
  for (const rotation of open) {
    const log = openLog(tools, rotation);
    const scrubber = await scrubberFor(await membersOf(tools, rotation, signal), tools, signal);
    try {
      const done = await recoverOne({ ...tools, report, scrub: scrubber.scrub }, log, signal);
      report({ type: "warning", code: "recovered", message: describe(rotation, done) });
    } finally {
      scrubber.drop();
    }
  }
  if (open.length === 0) return false;
  await sweepGenerations(project, tools, signal);
  await removeLeftovers(tools.engine, signal);
  return true;
}

/** Whose words may come to be shown. */
async function membersOf(
  tools: RecoveryTools,
  rotation: Rotation,
  signal: AbortSignal,
): Promise<readonly ContainerDetail[]> {
  const found = [await findOld(tools, rotation, signal), await findNew(tools, rotation, signal)];
  return found.filter((one) => one !== undefined);
}

async function recoverOne(
  tools: Recovering,
  log: RotationLog,
  signal: AbortSignal,
): Promise<string> {
  if (log.now.method === "stop" || log.now.method === "start") return endHalt(tools, log, signal);
  if (log.now.method === "refresh") return endRefresh(tools, log, signal);
  const made = await findNew(tools, log.now, signal);
  const forward = made !== undefined && (await isWorthKeeping(tools, log.now, made, signal));
  if (!forward && made !== undefined && (await tools.isForwardOnly?.(log.now.versions)) === true) {
    return keepNew(tools, log, interrupted(), signal);
  }
  if (!forward) return goBack(tools, log, interrupted(), signal);
  if (log.now.method === "create") await log.end("completed");
  else if (!(await goesForward(tools, log, made, signal))) {
    return goBack(tools, log, interrupted(), signal);
  }
  return log.now.status;
}

/** False also where somebody has taken the service's name meanwhile. */
async function goesForward(
  tools: Recovering,
  log: RotationLog,
  made: ContainerDetail,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    return await goForward(tools, log, made, farewellOf(tools, log, signal), signal);
  } catch (error) {
    if (isConflict(error)) return false;
    throw error;
  }
}

function farewellOf(tools: Recovering, log: RotationLog, signal: AbortSignal): Farewell {
  const { service } = log.now;
  const drainMs = tools.drainMsOf?.(service) ?? DEFAULT_DRAIN_MS;
  const desired = tools.desired?.services.get(service);
  return {
    drainMs,
    leftMs: 0,
    stopTimeout: undefined,
    mayEnd: mayEnd(tools, log.now),
    beforeStop: (old) => beforeLeaving(tools, desired, old, log, signal),
  };
}

/** Not swapped, the plan that follows does it; else health decides. */
async function endRefresh(
  tools: Recovering,
  log: RotationLog,
  signal: AbortSignal,
): Promise<RotationStatus> {
  const container = await findOld(tools, log.now, signal);
  const swapped = await isSwapped(tools, log.now, signal);
  const gone = container === undefined || swapped === undefined;
  if (gone || log.now.status === "rolling_back") {
    await putBack(tools, log, interrupted(), signal);
    return log.now.status;
  }
  if (!swapped) {
    await endUnswapped(tools, log, signal);
    return log.now.status;
  }
  await signalAgain(tools, log.now, container, signal);
  const health = tools.healthOf?.(log.now.service) ?? DEFAULT_HEALTH;
  try {
    await waitSteady(tools, container, health, signal);
    await watchAgain(tools, log.now, { ...container, oneShot: false }, signal);
    await log.end("completed");
  } catch (error) {
    if (!isDown(error)) throw error;
    await putBack(tools, log, error, signal);
  }
  return log.now.status;
}

/** Nothing has happened; or it was undone, and a full disk kept the process from being told. */
async function endUnswapped(
  tools: Recovering,
  log: RotationLog,
  signal: AbortSignal,
): Promise<void> {
  if (log.now.step !== "swap-files") return putBack(tools, log, interrupted(), signal);
  await revert(tools, log.now, signal);
  await log.end("rolled_back", interrupted());
}

/** Anything but a new container that serves is worse than the old one, wherever the work ended. */
async function isWorthKeeping(
  tools: Recovering,
  rotation: Rotation,
  made: ContainerDetail,
  signal: AbortSignal,
): Promise<boolean> {
  // What is to run after its start may not have run to its end.
  if (rotation.status === "rolling_back" || isOwed(rotation, "new")) return false;
  if (made.state === "running") return serves(tools, rotation, made, signal);
  return mayEnd(tools, rotation) && made.exitCode === 0;
}

function mayEnd({ isJob }: RecoveryTools, { method, service }: Rotation): boolean {
  return method === "create" || isJob?.(service) === true;
}

async function serves(
  tools: Recovering,
  rotation: Rotation,
  made: ContainerDetail,
  signal: AbortSignal,
): Promise<boolean> {
  const { service, step } = rotation;
  const health = tools.healthOf?.(service) ?? DEFAULT_HEALTH;
  const options = { oneShot: mayEnd(tools, rotation), fresh: true };
  try {
    await waitServing(tools, made.id, health, options, signal);
    const fresh = { id: made.id, restartCount: 0, oneShot: options.oneShot };
    if (!WATCHED.has(step)) await watchAgain(tools, rotation, fresh, signal);
    return true;
  } catch (error) {
    if (isDown(error)) return false;
    throw error;
  }
}

/** Steps that come after it has been watched. */
const WATCHED: ReadonlySet<RotationStep> = new Set<RotationStep>([
  "drain-old",
  "pre-stop",
  "stop-old",
  "remove-old",
  "drop-generation",
]);

/** Nobody knows how long it was watched before: it is, once more, and whoever waits for that is told. */
async function watchAgain(
  tools: Recovering,
  { name, service, monitorMs = 0 }: Rotation,
  watched: Watched,
  signal: AbortSignal,
): Promise<void> {
  if (monitorMs === 0) return;
  const message = `the change of ${name} had been interrupted: it is watched for ${showDuration(monitorMs)} once more, as its files say`;
  tools.report({ type: "warning", code: "watched-again", message });
  const health = tools.healthOf?.(service) ?? DEFAULT_HEALTH;
  await waitWatched(tools, watched, health, monitorMs, signal);
}
