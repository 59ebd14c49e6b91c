import { type HealthPolicy, SLOW_CHECK_MS } from "../../model/desired.ts";
import type { Healthcheck } from "../../model/engine.ts";
import { DsoError } from "../../model/errors.ts";
import type { ContainerDetail } from "../../model/observed.ts";
import type { Clock } from "../../model/ports.ts";
import type { Budget } from "./budget.ts";
import { commandOf, intervalOf, msOf, timeoutOf } from "./check.ts";
import { listenTo } from "./listener.ts";
import { countFailures, pause, POLL_MS } from "./pace.ts";
import {
  isLastTry,
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

/**
 * Waits until the container serves: its own healthcheck says so, else the
 * configured probe, else it runs for the settle time. Rejects with
 * `container-exited` at once when it ends or restarts, and with
 * `container-unhealthy` when the check keeps failing or the time is up.
 */
export async function waitServing(
  tools: HealthTools,
  id: string,
  policy: Budget,
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
    const isLast = isLastTry(policy, tools.clock.elapsed() - begun);
    const trying = isLast ? { ...tools, before: failures.last() } : tools;
    const verdict = await judge(trying, container, policy, begun, signal);
    const now = tools.clock.elapsed();
    if (verdict === "settled") return { since: begun, completed: false, container };
    if (verdict === "serving") return { since: now, completed: false, container };
    if (verdict !== "waiting") failures.add(now, verdict.failure);
    if (verdict !== "waiting" && (verdict.final || failures.exhausted())) {
      throw unhealthy(container, failures.last(), verdict.final ? "own" : "retries");
    }
    if (now - begun >= policy.timeoutMs) {
      throw unhealthy(
        container,
        failures.last() ?? said(tools, container),
        policy.limitedBy ?? "health",
      );
    }
    await pause({ clock: tools.clock, listener, container, policy }, now - begun, signal);
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
    return { failure: said(tools, container) ?? "its healthcheck failed", final: true };
  }
  const check = container.config.Healthcheck;
  const argv = commandOf(check);
  if (argv === undefined || intervalOf(check) <= SLOW_CHECK_MS) return "waiting";
  const timeoutMs = Math.min(limitMs, timeoutOf(check));
  return verdictOf(await probeExec(tools, container.id, argv, timeoutMs, signal));
}

/** What its healthcheck has written last. */
function said(tools: HealthTools, { healthLog }: ContainerDetail): string | undefined {
  return healthLog === undefined ? undefined : tools.scrub(healthLog).trim();
}

function verdictOf(failure: ProbeFailure): Verdict {
  return failure === undefined ? "serving" : { failure, final: false };
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

/** What ends a wait for health: a time that is over, a check that failed, or a second look. */
type Ending = keyof typeof HINTS;

const HINTS = {
  health: "Look at its healthcheck; `health.timeout` of x-dso gives it more time.",
  rotation:
    "Look at its healthcheck; `timeout` of x-dso gives it more time, and `rotation.timeout` of dso.yaml all services.",
  retries:
    "Look at its check; `health.retries` of x-dso says how many failures end the wait, `health.start_period` from when on they count.",
  own: "Look at its healthcheck; its own `retries` and `start_period` say when it has failed.",
  names:
    "It had served until its networks were connected anew: look at what its check needs of them.",
  watch: "It had served before: look at its check, and at its log.",
} as const;

export function unhealthy(
  { name }: ContainerDetail,
  failure: string | undefined,
  ending: Ending,
): DsoError {
  const reason = failure ? `: ${failure}` : "";
  const verb = ending === "watch" ? "stay" : "become";
  return new DsoError("container-unhealthy", `container ${name} did not ${verb} healthy${reason}`, {
    hint: HINTS[ending],
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
