import type { HealthPolicy } from "../../model/desired.ts";
import { DsoError } from "../../model/errors.ts";
import type { Report } from "../../model/events.ts";
import type { Rotation, RotationStatus } from "../../model/journal.ts";
import type { ContainerDetail } from "../../model/observed.ts";
import { waitServing } from "../rollout/health.ts";
import { waitSteady, waitWatched } from "../rollout/verify.ts";
import { isSwapped, putBack, signalAgain } from "./refreshed.ts";
import { isOpen } from "../journal/journal.ts";
import { removeLeftovers } from "../memory/leftovers.ts";
import {
  findNew,
  findOld,
  openLog,
  type RotationLog,
  type RotationTools,
} from "../journal/rotation.ts";
import { dropControls } from "../scrub.ts";
import { sweepGenerations } from "./sweep.ts";
import { type Farewell, goForward } from "./finish.ts";
import { isConflict, outlastStop } from "./revive.ts";
import { goBack } from "./undo.ts";

export interface RecoveryTools extends RotationTools {
  /** How a service's health is judged; without it the container's own healthcheck or the settle time. */
  readonly healthOf?: (service: string) => HealthPolicy | undefined;
  /** How long connections to what is replaced may last on. */
  readonly drainMsOf?: (service: string) => number | undefined;
  /** Whether the service runs to an end, so that to have ended with 0 is to have served. */
  readonly isJob?: (service: string) => boolean;
}

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
    const done = await recoverOne(tools, log, signal);
    report({ type: "warning", code: "recovered", message: describe(rotation, done) });
  }
  if (open.length === 0) return false;
  await sweepGenerations(project, tools, signal);
  await removeLeftovers(tools.engine, signal);
  return true;
}

async function recoverOne(
  tools: RecoveryTools,
  log: RotationLog,
  signal: AbortSignal,
): Promise<string> {
  if (log.now.method === "stop") return finishStop(tools, log.now, signal);
  if (log.now.method === "refresh") return endRefresh(tools, log, signal);
  const made = await findNew(tools, log.now, signal);
  const forward = made !== undefined && (await isWorthKeeping(tools, log.now, made, signal));
  if (!forward) return goBack(tools, log, interrupted(), signal);
  if (log.now.method === "create") await log.end("completed");
  else if (!(await goesForward(tools, log, made, signal))) {
    return goBack(tools, log, interrupted(), signal);
  }
  return log.now.status;
}

/** False also where somebody has taken the service's name meanwhile. */
async function goesForward(
  tools: RecoveryTools,
  log: RotationLog,
  made: ContainerDetail,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    return await goForward(tools, log, made, farewellOf(tools, log.now), signal);
  } catch (error) {
    if (isConflict(error)) return false;
    throw error;
  }
}

function farewellOf(tools: RecoveryTools, rotation: Rotation): Farewell {
  const drainMs = tools.drainMsOf?.(rotation.service) ?? DEFAULT_DRAIN_MS;
  return {
    drainMs,
    leftMs: 0,
    stopTimeout: undefined,
    mayEnd: mayEnd(tools, rotation),
  };
}

/** Not swapped, nothing has happened, and the plan that follows does it; else health decides. */
async function endRefresh(
  tools: RecoveryTools,
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
    await log.end("rolled_back", interrupted());
    return log.now.status;
  }
  await signalAgain(tools, log.now, container, signal);
  const health = tools.healthOf?.(log.now.service) ?? DEFAULT_HEALTH;
  const healthTools = { engine: tools.engine, clock: tools.clock, scrub: dropControls };
  try {
    await waitSteady(healthTools, container, health, signal);
    const { monitorMs = 0 } = log.now;
    const watched = { ...container, oneShot: false };
    if (monitorMs > 0) await waitWatched(healthTools, watched, health, monitorMs, signal);
    await log.end("completed");
  } catch (error) {
    if (!isVerdict(error)) throw error;
    await putBack(tools, log, error, signal);
  }
  return log.now.status;
}

/** What the container is to be afterwards, whoever looks at it then decides. */
async function finishStop(
  tools: RecoveryTools,
  rotation: Rotation,
  signal: AbortSignal,
): Promise<RotationStatus> {
  const container = await findOld(tools, rotation, signal);
  if (container !== undefined) await outlastStop(tools.engine, rotation, container, signal);
  await tools.journal.remove(rotation.project, new Set([rotation.id]));
  return "completed";
}

/** Anything but a new container that serves is worse than the old one, wherever the work ended. */
async function isWorthKeeping(
  tools: RecoveryTools,
  rotation: Rotation,
  made: ContainerDetail,
  signal: AbortSignal,
): Promise<boolean> {
  if (rotation.status === "rolling_back") return false;
  if (made.state === "running") return serves(tools, rotation, made, signal);
  return mayEnd(tools, rotation) && made.exitCode === 0;
}

function mayEnd({ isJob }: RecoveryTools, { method, service }: Rotation): boolean {
  return method === "create" || isJob?.(service) === true;
}

async function serves(
  tools: RecoveryTools,
  rotation: Rotation,
  made: ContainerDetail,
  signal: AbortSignal,
): Promise<boolean> {
  const { engine, clock, healthOf } = tools;
  const { service, monitorMs = 0 } = rotation;
  const health = healthOf?.(service) ?? DEFAULT_HEALTH;
  const options = { oneShot: mayEnd(tools, rotation), fresh: true };
  const healthTools = { engine, clock, scrub: dropControls };
  try {
    await waitServing(healthTools, made.id, health, options, signal);
    // Nobody knows how long it was watched before: it is, once more.
    const fresh = { id: made.id, restartCount: 0, oneShot: options.oneShot };
    if (monitorMs > 0) await waitWatched(healthTools, fresh, health, monitorMs, signal);
    return true;
  } catch (error) {
    if (isVerdict(error)) return false;
    throw error;
  }
}

/** It does not serve, by its own fault or because somebody removed it. */
const VERDICTS: ReadonlySet<string> = new Set([
  "container-exited",
  "container-removed",
  "container-unhealthy",
]);

function isVerdict(error: unknown): error is DsoError {
  return error instanceof DsoError && VERDICTS.has(error.code);
}

function interrupted(): DsoError {
  return new DsoError("aborted", "the process that worked on it was ended", {
    hint: "Run the command again.",
  });
}

function describe({ name, method }: Rotation, status: string): string {
  if (method === "stop") return `the stop of ${name} had been interrupted, and has ended`;
  if (method === "refresh") {
    const how = status === "completed" ? "and was finished" : "and its old files hold";
    return `the refresh of ${name} had been interrupted, ${how}`;
  }
  const what = method === "create" ? "the creation" : "the replacement";
  switch (status) {
    case "completed":
      return `${what} of ${name} had been interrupted, and was finished`;
    case "rolled_back":
      return `${what} of ${name} had been interrupted; the old container is back`;
    case "rollback_required":
      return `${what} of ${name} had been interrupted, and its old container is gone or does not start: look at it`;
    default:
      return `${what} of ${name} had been interrupted; what was left of it is removed`;
  }
}
