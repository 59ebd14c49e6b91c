/** An estimate, from data alone, of how long a replica does not serve while it is replaced by stop-first. */
import { DEFAULT_CHECK_MS, type DesiredService, SLOW_CHECK_MS } from "../model/desired.ts";
import { parseDuration } from "../model/duration.ts";
import type { ImageDetail, MeasuredDowntime, ObservedContainer } from "../model/observed.ts";
import type { Downtime, PlanOptions } from "../model/plan.ts";
import { isUp } from "./inventory.ts";
import { hasHealthcheck } from "./proxies.ts";
import type { Situation } from "./situation.ts";

/** Measured on a small host: a program that obeys its stop signal is gone after this time, ms. */
const STOP_MS = 400;
/** Create, start and the journal's own writes, ms. */
const START_MS = 400;
/** From start to the first good answer to a probe of our own, ms. */
const PROBE_MS = 100;
/** To take a network down and to make it anew, ms. */
const NETWORK_MS = 350;
/** To take one container off it and to put it on the new one, ms: one after the other. */
const MEMBER_MS = 90;
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

/**
 * Of a replica that is replaced by stop-first: its own, and that of each network that is made anew, on
 * which nobody is reached meanwhile. `served`: others of its service go on while it is replaced.
 */
export function replacementDowntime(
  situation: Situation,
  service: DesiredService,
  container: ObservedContainer,
  served: boolean,
): Estimate | undefined {
  const { observed, options } = situation;
  const cutMs = cutOffMs(situation, container);
  if (served && cutMs === 0) return undefined;
  if (served) return { expectedMs: cutMs, worstMs: cutMs, measured: false };
  const image = observed.images.get(service.image);
  const measured = observed.downtimes?.get(service.name);
  const own = estimateDowntime(service, image, options, measured);
  return { ...own, expectedMs: own.expectedMs + cutMs, worstMs: own.worstMs + cutMs };
}

/** How long the networks are away that the container is on, and that are made anew. */
function cutOffMs({ networks, observed }: Situation, container: ObservedContainer): number {
  const times = [...networks.values()].map((standing) => {
    if (standing.kind !== "outdated") return 0;
    const { id } = standing.network;
    const isOn = (one: ObservedContainer): boolean =>
      one.networks.some(({ networkId }) => networkId === id);
    if (!isOn(container)) return 0;
    const members = observed.containers.filter((one) => isUp(one) && isOn(one));
    return NETWORK_MS + MEMBER_MS * members.length;
  });
  // Each is made on its own, beside the others.
  return Math.max(0, ...times);
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
