import { diff } from "../diff/diff.ts";
import { deliveredTo } from "../diff/delivered.ts";
import { isFinishedJob } from "../diff/jobs.ts";
import type { Desired } from "../model/desired.ts";
import { DsoError } from "../model/errors.ts";
import { COMPOSE } from "../model/labels.ts";
import type { Observed, ObservedContainer } from "../model/observed.ts";
import { DEFAULT_PLAN_OPTIONS } from "../model/plan.ts";
import type { Context } from "./context.ts";
import { load } from "./load.ts";
import { observe } from "./observe.ts";
import { standingAttempts } from "./attempts.ts";
import type { FailedAttempt, HistoryEntry, Hold, RegisteredProject } from "./state.ts";

/** How a project stands: every figure is read when asked. */
export interface ProjectStatus {
  readonly name: string;
  readonly workingDir: string;
  /** Whether files and versions are what runs; unknown where one of them cannot be read. */
  readonly sync: "synced" | "out-of-sync" | "unknown";
  readonly health: "healthy" | "progressing" | "degraded" | "missing" | "unknown";
  /** Why it is not synced: the plan's own reasons, or the error that hides them. */
  readonly why: readonly string[];
  readonly error: DsoError | undefined;
  readonly hold: Hold | undefined;
  readonly services: readonly ServiceStatus[];
  /** Absent: none. */
  readonly providerServices?: readonly ProgramStatus[];
  readonly secrets: readonly SecretStatus[];
  readonly lastApplied: HistoryEntry | undefined;
  readonly lastAttempted: HistoryEntry | undefined;
  /** What failed as it is now, and so is not tried again by itself. */
  readonly failed: readonly FailedAttempt[];
}

export interface ServiceStatus {
  readonly name: string;
  readonly desired: number;
  readonly running: number;
  /** Of those that have a healthcheck; undefined where none has. */
  readonly healthy: number | undefined;
  readonly image: string;
}

/** A provider service: not a container, but a program. */
export interface ProgramStatus {
  readonly name: string;
  readonly type: string;
  /** ISO 8601, UTC; undefined: never, or taken down since. */
  readonly askedAt: string | undefined;
}

export interface SecretStatus {
  readonly name: string;
  readonly current: string | undefined;
  /** What the running containers were given, sorted; more than one while they differ. */
  readonly delivered: readonly string[];
}

/** Looks at one registered project, without changing or locking anything. */
export async function projectStatus(
  context: Context,
  project: RegisteredProject,
  signal: AbortSignal,
): Promise<ProjectStatus> {
  const history = await context.state.history(project.name);
  const known = {
    name: project.name,
    workingDir: project.request.projectDirectory ?? project.request.cwd,
    hold: await context.state.hold(project.name),
    lastApplied: history.find(({ outcome }) => outcome === "applied"),
    lastAttempted: history[0],
  };
  const ledger = await context.state.attempts(project.name);
  try {
    const desired = await load(context, project.request, signal);
    const listed = context.engine.listProject(desired.project.name, signal);
    const observed = await observe(context, desired, listed, signal);
    const failed = standingAttempts({ desired, observed }, ledger);
    const programs = await programStatuses(context, desired);
    return { ...known, ...compare(desired, observed), ...programs, failed };
  } catch (error) {
    if (!(error instanceof DsoError)) throw error;
    const unknown = { sync: "unknown", health: "unknown", services: [], secrets: [] } as const;
    return { ...known, ...unknown, error, why: [error.message], failed: ledger };
  }
}

function compare(
  desired: Desired,
  observed: Observed,
): Pick<ProjectStatus, "sync" | "health" | "why" | "error" | "services" | "secrets"> {
  const { changes } = diff(desired, observed, DEFAULT_PLAN_OPTIONS);
  const services = serviceStatuses(desired, observed);
  return {
    sync: changes.length === 0 ? "synced" : "out-of-sync",
    health: health(desired, services, observed),
    why: changes.flatMap(({ address, reasons }) =>
      reasons.map(({ code, detail }) => {
        // The plan says what it does; here it is told how things are.
        const standing = code === "created" ? "missing" : code;
        return `${address}: ${standing}${detail ? ` (${detail})` : ""}`;
      }),
    ),
    error: undefined,
    services,
    secrets: secretStatuses(desired, observed),
  };
}

function serviceStatuses(desired: Desired, observed: Observed): readonly ServiceStatus[] {
  return [...desired.services.values()].map(({ name, replicas, image }) => {
    const own = observed.containers.filter((container) => isOf(container, name));
    const running = own.filter(({ state }) => state === "running");
    const checked = running.filter((container) => container.health !== undefined);
    return {
      name,
      desired: replicas,
      running: running.length,
      healthy:
        checked.length === 0
          ? undefined
          : checked.filter((container) => container.health === "healthy").length,
      image,
    };
  });
}

async function programStatuses(
  { state }: Pick<Context, "state">,
  { programs, project }: Desired,
): Promise<Pick<ProjectStatus, "providerServices">> {
  if (programs === undefined) return {};
  const answers = await state.answers(project.name);
  const all = [...programs.values()].map(({ name, type }) => {
    return { name, type, askedAt: Object.hasOwn(answers, name) ? answers[name]?.at : undefined };
  });
  return { providerServices: all };
}

function isOf(container: ObservedContainer, service: string): boolean {
  return (
    container.labels[COMPOSE.service] === service && container.labels[COMPOSE.oneoff] !== "True"
  );
}

function health(
  desired: Desired,
  services: readonly ServiceStatus[],
  observed: Observed,
): ProjectStatus["health"] {
  const { containers } = observed;
  const done = ({ name }: ServiceStatus): boolean => isDone(desired, observed, name);
  const nothingRuns = services.every(({ running }) => running === 0);
  if (nothingRuns && !services.every(done)) return "missing";
  if (containers.some((one) => one.health === "unhealthy" || one.state === "restarting")) {
    return "degraded";
  }
  if (containers.some((one) => one.health === "starting")) return "progressing";
  return services.every((one) => one.running >= one.desired || done(one)) ? "healthy" : "degraded";
}

/** Jobs count as healthy once they have ended with 0. */
function isDone(desired: Desired, observed: Observed, name: string): boolean {
  const service = desired.services.get(name);
  const own = observed.containers.filter((container) => isOf(container, name));
  const situation = { desired, observed, options: DEFAULT_PLAN_OPTIONS };
  return (
    service !== undefined &&
    own.length > 0 &&
    own.every((container) => isFinishedJob(situation, service, container))
  );
}

function secretStatuses(desired: Desired, observed: Observed): readonly SecretStatus[] {
  const delivered = observed.containers.flatMap((container) => [
    ...(deliveredTo(container, observed) ?? []),
  ]);
  return [...desired.versions].sort().map(([name, current]) => ({
    name,
    current,
    delivered: [
      ...new Set(
        delivered
          .filter(([value]) => value === name || value.startsWith(`${name}#`))
          .map(([, version]) => version),
      ),
    ].sort(),
  }));
}
