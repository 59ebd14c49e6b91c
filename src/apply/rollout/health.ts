import { type HealthPolicy, SLOW_CHECK_MS } from "../../model/desired.ts";
import type { Healthcheck } from "../../model/engine.ts";
import { DsoError } from "../../model/errors.ts";
import type { ContainerDetail } from "../../model/observed.ts";
import type { Clock } from "../../model/ports.ts";
import { commandOf, intervalOf, msOf, timeoutOf } from "./check.ts";
import { type Listener, listenTo } from "./listener.ts";
import {
  leftFor,
  type ProbeFailure,
  probeExec,
  type ProbeTools,
  runProbe,
  tryLimitMs,
} from "./probe.ts";

export interface HealthTools extends ProbeTools {
  readonly clock: Clock;
}

export interface Serving {
  /** As `Clock.elapsed` tells it; without any check, when it was first seen to run. */
  readonly since: number;
  /** It has ended with 0, which is fine for a one-shot. */
  readonly completed: boolean;
  /** As it was last seen. */
  readonly container: ContainerDetail;
}

export interface WaitOptions {
  /** To end with 0 is to succeed. */
  readonly oneShot: boolean;
  /** It was started just now, so that any restart of it is a failure. */
  readonly fresh: boolean;
}

/** The engine's own default. */
const DEFAULT_RETRIES = 3;
export const POLL_MS = 200;
export const NETWORK_POLL_MS = 50;
const LEAST_POLL_MS = 5;

/**
 * Waits until the container serves: its own healthcheck says so, else the
 * configured probe, else it runs for the settle time. Rejects with
 * `container-exited` at once when it ends or restarts, and with
 * `container-unhealthy` when the check keeps failing or the time is up.
 */
export async function waitServing(
  tools: HealthTools,
  id: string,
  policy: HealthPolicy,
  options: WaitOptions,
  signal: AbortSignal,
): Promise<Serving> {
  const begun = tools.clock.elapsed();
  const failures = countFailures(policy, begun);
  using listener = listenTo(tools, id);
  for (let restarts: number | undefined; ;) {
    const container = await look(tools, id, signal);
    restarts ??= options.fresh ? 0 : container.restartCount;
    if (options.oneShot && container.state === "exited" && container.exitCode === 0) {
      return { since: tools.clock.elapsed(), completed: true, container };
    }
    refuseEnded(tools, container, restarts);
    const verdict = await judge(tools, container, policy, begun, signal);
    const now = tools.clock.elapsed();
    if (verdict === "settled") return { since: begun, completed: false, container };
    if (verdict === "serving") return { since: now, completed: false, container };
    if (verdict !== "waiting") failures.add(now, verdict.failure);
    if (verdict !== "waiting" && (verdict.final || failures.exhausted())) {
      throw unhealthy(container, failures.last());
    }
    if (now - begun >= policy.timeoutMs) throw unhealthy(container, failures.last());
    await pause({ tools, listener, container, policy }, now - begun, signal);
  }
}

type Verdict =
  "serving" | "settled" | "waiting" | { readonly failure: string; readonly final: boolean };

async function judge(
  tools: HealthTools,
  container: ContainerDetail,
  policy: HealthPolicy,
  begun: number,
  signal: AbortSignal,
): Promise<Verdict> {
  const passedMs = tools.clock.elapsed() - begun;
  const limitMs = leftFor(policy, passedMs);
  if (container.state !== "running") return "waiting";
  if (container.health !== undefined) return judgeOwn(tools, container, limitMs, signal);
  if (policy.probe !== undefined) {
    const tryMs = Math.min(limitMs, tryLimitMs(policy));
    return verdictOf(await runProbe(tools, container, policy.probe, tryMs, signal));
  }
  return passedMs >= policy.settleMs ? "settled" : "waiting";
}

async function judgeOwn(
  tools: HealthTools,
  container: ContainerDetail,
  limitMs: number,
  signal: AbortSignal,
): Promise<Verdict> {
  if (container.health === "healthy") return "serving";
  if (container.health === "unhealthy") {
    const said = container.healthLog ?? "its healthcheck failed";
    return { failure: tools.scrub(said).trim(), final: true };
  }
  const check = container.config.Healthcheck;
  const argv = commandOf(check);
  if (argv === undefined || intervalOf(check) <= SLOW_CHECK_MS) return "waiting";
  const timeoutMs = Math.min(limitMs, timeoutOf(check));
  return verdictOf(await probeExec(tools, container.id, argv, timeoutMs, signal));
}

function verdictOf(failure: ProbeFailure): Verdict {
  return failure === undefined ? "serving" : { failure, final: false };
}

/** Failures count once per interval, and only after the start period (by default: the whole time). */
function countFailures(policy: HealthPolicy, begun: number) {
  let last: string | undefined;
  let counted = 0;
  let next = begun + (policy.startPeriodMs ?? policy.timeoutMs);
  return {
    add(now: number, failure: string): void {
      last = failure;
      if (now < next) return;
      counted++;
      next = now + policy.intervalMs;
    },
    exhausted: () => counted >= Math.max(policy.retries, 1),
    last: () => last,
  };
}

interface Waiting {
  readonly tools: HealthTools;
  readonly listener: Listener;
  readonly container: ContainerDetail;
  readonly policy: HealthPolicy;
}

/** Nobody tells when a port begins to listen: it is asked often as long as that may be any moment. */
function pause(
  { tools, listener, container, policy: { probe } }: Waiting,
  waitedMs: number,
  signal: AbortSignal,
): Promise<void> {
  const overNetwork =
    container.health === undefined && probe !== undefined && probe.kind !== "exec";
  if (!overNetwork) return listener.pause(POLL_MS, signal);
  const ms = Math.min(Math.max(Math.round(waitedMs / 4), LEAST_POLL_MS), NETWORK_POLL_MS);
  return tools.clock.sleep(ms, signal);
}

export async function look(
  { engine }: HealthTools,
  id: string,
  signal: AbortSignal,
): Promise<ContainerDetail> {
  const container = await engine.inspectContainer(id, signal);
  if (container !== undefined) return container;
  throw new DsoError("container-removed", "the container was removed while it was starting", {
    hint: "Somebody else works on this project: look at `docker events`.",
  });
}

export function refuseEnded(
  tools: HealthTools,
  container: ContainerDetail,
  restarts: number,
): void {
  const { name, state, exitCode, oomKilled } = container;
  const error = tools.scrub(container.error);
  const ended = state === "exited" || state === "dead";
  if (!ended && state !== "restarting" && container.restartCount <= restarts) return;
  const why = oomKilled ? ", out of memory" : error === "" ? "" : ` (${error})`;
  const code = exitCode === undefined ? "" : ` with ${exitCode}`;
  const what = ended ? `ended${code}` : `ended${code} and is restarted over and over`;
  throw new DsoError("container-exited", `container ${name} ${what}${why}`);
}

export function unhealthy(
  { name }: ContainerDetail,
  failure: string | undefined,
  verb: "become" | "stay" = "become",
): DsoError {
  const reason = failure ? `: ${failure}` : "";
  return new DsoError("container-unhealthy", `container ${name} did not ${verb} healthy${reason}`, {
    hint: "Look at its healthcheck; `health.timeout` of x-dso gives it more time.",
  });
}

/**
 * Waits for the settle time, or less, to see whether the container dies at once;
 * no check is asked. Rejects like `waitServing`.
 */
export async function waitRunning(
  tools: HealthTools,
  id: string,
  settleMs: number,
  oneShot: boolean,
  signal: AbortSignal,
): Promise<void> {
  const until = tools.clock.elapsed() + settleMs;
  using listener = listenTo(tools, id);
  for (;;) {
    const container = await look(tools, id, signal);
    if (oneShot && container.state === "exited" && container.exitCode === 0) return;
    refuseEnded(tools, container, 0);
    if (tools.clock.elapsed() >= until) return;
    await listener.pause(POLL_MS, signal);
  }
}

/** How long the engine itself may take to a verdict; undefined without a healthcheck. */
export function ownBudgetMs(check: Healthcheck | undefined): number | undefined {
  if (check === undefined || commandOf(check) === undefined) return undefined;
  const { Retries: retries = 0, StartPeriod: startPeriod } = check;
  const rounds = (retries === 0 ? DEFAULT_RETRIES : retries) + 1;
  return msOf(startPeriod, 0) + (intervalOf(check) + timeoutOf(check)) * rounds;
}
