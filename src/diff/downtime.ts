/** An estimate, from data alone, of how long a replica does not serve while it is replaced by stop-first. */
import { DEFAULT_CHECK_MS, type DesiredService, SLOW_CHECK_MS } from "../model/desired.ts";
import { parseDuration } from "../model/duration.ts";
import type { ImageDetail } from "../model/observed.ts";
import type { PlanOptions } from "../model/plan.ts";

/** Measured on a small host: a program that obeys its stop signal is gone after this time, ms. */
const STOP_MS = 400;
/** Create, start and the journal's own writes, ms. */
const START_MS = 400;
/** From start to the first good answer to a probe of our own, ms. */
const PROBE_MS = 100;
/** What the engine takes where nothing is said, ms. */
const DEFAULT_GRACE_MS = 10_000;

/** Programs without a handler for SIGTERM: as process 1 they ignore it until they are killed. */
const DEAF: ReadonlySet<string> = new Set(["sleep", "tail", "cat", "busybox"]);

export interface Estimate {
  readonly expectedMs: number;
  /** If the program ignores its stop signal. */
  readonly worstMs: number;
}

/**
 * `stop + start + health`, where
 * stop is 0.4 s, or the whole grace period of a program known to ignore the signal;
 * start is 0.4 s;
 * health is the check's interval where the engine runs it (it checks no sooner), or
 * 0.1 s where we probe ourselves, or nothing without a check: settling is no downtime.
 * The program's own time to boot is not known and not in it.
 */
export function estimateDowntime(
  service: DesiredService,
  image: ImageDetail | undefined,
  options: PlanOptions,
): Estimate {
  const grace = graceMs(service, options);
  const stop = isDeaf(service, image) ? grace : Math.min(grace, STOP_MS);
  const rest = START_MS + healthMs(service, image);
  return { expectedMs: stop + rest, worstMs: Math.max(grace, stop) + rest };
}

function graceMs({ model }: DesiredService, { stopTimeout }: PlanOptions): number {
  if (stopTimeout !== undefined) return stopTimeout * 1000;
  return parseDuration(model.stop_grace_period ?? "") ?? DEFAULT_GRACE_MS;
}

function isDeaf({ model }: DesiredService, image: ImageDetail | undefined): boolean {
  if (model.init === true || /KILL$/.test(model.stop_signal ?? "")) return false;
  const entrypoint = model.entrypoint ?? image?.entrypoint ?? [];
  const ownEntrypoint = model.entrypoint !== undefined && model.entrypoint !== null;
  const command = model.command ?? (ownEntrypoint ? [] : image?.command) ?? [];
  const program = [...entrypoint, ...command][0];
  return program !== undefined && DEAF.has(program.split("/").at(-1) ?? program);
}

function healthMs({ model, policy }: DesiredService, image: ImageDetail | undefined): number {
  if (policy.health.probe !== undefined) return PROBE_MS;
  const check = model.healthcheck;
  if (check?.disable === true || check?.test?.[0] === "NONE") return 0;
  const inherited = image?.healthcheckIntervalMs;
  if (check?.test === undefined && inherited === undefined) return 0;
  const interval = parseDuration(check?.interval ?? "") ?? inherited ?? DEFAULT_CHECK_MS;
  return interval > SLOW_CHECK_MS ? PROBE_MS : interval;
}
