/** An estimate, from data alone, of how long a replica does not serve while it is replaced by stop-first. */
import { DEFAULT_CHECK_MS, type DesiredService, SLOW_CHECK_MS } from "../model/desired.ts";
import { parseDuration } from "../model/duration.ts";
import type { ImageDetail, MeasuredDowntime } from "../model/observed.ts";
import type { Downtime, PlanOptions } from "../model/plan.ts";
import { hasHealthcheck } from "./proxies.ts";

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
/** So do these, as long as they run a script that sets no handler and gives its place to no other program. */
const SHELLS: ReadonlySet<string> = new Set(["sh", "ash", "dash", "bash", "zsh"]);
const HANDED_ON = /\b(trap|exec)\b/;
/** What makes a shell stay, where it would else become the only command. */
const COMPOUND = /[;&|\n]/;

export type Estimate = Omit<Downtime, "forcedBy">;

/**
 * `stop + start + health`, each as it was measured the last time. Where nothing was,
 * stop is 0.4 s, or the whole grace period of a program known to ignore the signal;
 * start is 0.4 s;
 * health is the check's interval where the engine runs it (it checks no sooner), or
 * 0.1 s where we probe ourselves, or nothing without a check: settling is no downtime.
 * How long the program itself takes to boot is not known then: the worst has all of the
 * time that it is waited for in it.
 */
export function estimateDowntime(
  service: DesiredService,
  image: ImageDetail | undefined,
  options: PlanOptions,
  measured?: MeasuredDowntime,
): Estimate {
  const grace = graceMs(service, options);
  const stop = isDeaf(service, image) ? grace : Math.min(grace, STOP_MS);
  const start = START_MS + healthMs(service, image);
  const expectedMs =
    measured === undefined ? stop + start : Math.min(measured.stopMs, grace) + measured.startMs;
  const worstMs = Math.max(expectedMs, grace + START_MS + longestHealthMs(service, image));
  return { expectedMs, worstMs, measured: measured !== undefined };
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
  const [program = "", ...rest] = [...entrypoint, ...command];
  const name = program.split("/").at(-1) ?? program;
  return DEAF.has(name) || (SHELLS.has(name) && staysShell(rest));
}

/** A script of its own may do anything: nothing is known of it. */
function staysShell([flag, script = ""]: readonly string[]): boolean {
  return flag === "-c" && COMPOUND.test(script) && !HANDED_ON.test(script);
}

/** A wait that is over is a failure: nobody waits longer for health. */
function longestHealthMs(
  { model, policy }: DesiredService,
  image: ImageDetail | undefined,
): number {
  const { health, rotationTimeoutMs } = policy;
  const checked = health.probe !== undefined || hasHealthcheck(model, image);
  return checked ? Math.min(health.timeoutMs, rotationTimeoutMs) : 0;
}

function healthMs({ model, policy }: DesiredService, image: ImageDetail | undefined): number {
  if (!hasHealthcheck(model, image)) return policy.health.probe === undefined ? 0 : PROBE_MS;
  const own = parseDuration(model.healthcheck?.interval ?? "");
  const interval = own ?? image?.healthcheckIntervalMs ?? DEFAULT_CHECK_MS;
  return interval > SLOW_CHECK_MS ? PROBE_MS : interval;
}
