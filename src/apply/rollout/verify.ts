/** Asks a container again that has served before, after something was done to it. */
import type { HealthPolicy } from "../../model/desired.ts";
import type { DsoError } from "../../model/errors.ts";
import type { ContainerDetail } from "../../model/observed.ts";
import type { Budget } from "./budget.ts";
import { commandOf, timeoutOf } from "./check.ts";
import { type HealthTools, look, refuseEnded, unhealthy, type WaitOptions } from "./health.ts";
import { NETWORK_POLL_MS, POLL_MS } from "./pace.ts";
import { leftFor, type ProbeFailure, probeExec, runProbe, tryLimitMs } from "./probe.ts";

/** It is asked for so long until it answers as before; an answer may take what it took before. */
const VERIFY_MS = 5000;
/** So long a program may take to notice a signal, or a file, and to fail of it. */
const NOTICE_MS = 1500;

/**
 * Waits until a container that ran before is seen to run on: its check says so after it has had the
 * time to notice, or, without one, it runs for the settle time. Rejects like `waitServing`.
 */
export async function waitSteady(
  tools: HealthTools,
  before: ContainerDetail,
  policy: Budget,
  signal: AbortSignal,
): Promise<void> {
  const begun = tools.clock.elapsed();
  const checked = before.health !== undefined || policy.probe !== undefined;
  const steadyAt = begun + (checked ? NOTICE_MS : policy.settleMs);
  for (;;) {
    const container = await look(tools, before.id, signal);
    refuseEnded(tools, container, before.restartCount);
    const leftMs = leftFor(policy, tools.clock.elapsed() - begun);
    const failure = await ask(tools, container, policy, leftMs, signal);
    const now = tools.clock.elapsed();
    if (failure === undefined && now >= steadyAt) return;
    if (failure !== undefined && now - begun >= policy.timeoutMs)
      throw unhealthy(container, failure, policy.limitedBy ?? "health");
    await tools.clock.sleep(POLL_MS, signal);
  }
}

/**
 * Asks once more, after what was done to its networks: a check that says when it serves is to say so
 * again. Rejects like `waitServing`.
 */
export async function waitAnswering(
  tools: HealthTools,
  id: string,
  policy: HealthPolicy,
  signal: AbortSignal,
): Promise<void> {
  const until = tools.clock.elapsed() + VERIFY_MS;
  for (;;) {
    const container = await look(tools, id, signal);
    refuseEnded(tools, container, 0);
    const failure = await ask(tools, container, policy, policy.timeoutMs, signal);
    if (failure === undefined) return;
    if (tools.clock.elapsed() >= until) throw unhealthy(container, failure, "names");
    await tools.clock.sleep(NETWORK_POLL_MS, signal);
  }
}

export type Watched = Pick<ContainerDetail, "id" | "restartCount"> & Pick<WaitOptions, "oneShot">;

/**
 * Watches a container that serves for `ms` more: it has to run on, and its check must not fail as
 * often in a row as `retries` says. A one-shot may end with 0, and is then watched no more. Rejects
 * like `waitServing`.
 */
export async function waitWatched(
  tools: HealthTools,
  { id, restartCount, oneShot }: Watched,
  policy: HealthPolicy,
  ms: number,
  signal: AbortSignal,
): Promise<void> {
  const failed = (container: ContainerDetail, failure: string | undefined): DsoError =>
    unhealthy(container, failure, "watch");
  const begun = tools.clock.elapsed();
  let [failures, askedAt] = [0, 0];
  for (;;) {
    const passed = tools.clock.elapsed() - begun;
    const container = await look(tools, id, signal);
    if (oneShot && container.state === "exited" && container.exitCode === 0) return;
    refuseEnded(tools, container, restartCount);
    if (container.health === "unhealthy") {
      throw failed(container, tools.scrub(container.healthLog ?? "").trim());
    }
    const over = passed >= ms;
    if ((over && failures === 0) || passed - askedAt >= policy.intervalMs) {
      askedAt = passed;
      const failure = await ask(tools, container, policy, policy.timeoutMs, signal);
      failures = failure === undefined ? 0 : failures + 1;
      if (failures >= Math.max(policy.retries, 1)) throw failed(container, failure);
    }
    if (over && failures === 0) return;
    await tools.clock.sleep(POLL_MS, signal);
  }
}

function ask(
  tools: HealthTools,
  container: ContainerDetail,
  policy: HealthPolicy,
  limitMs: number,
  signal: AbortSignal,
): Promise<ProbeFailure> {
  // What somebody has paused answers nobody.
  if (container.state !== "running") return Promise.resolve(`it is ${container.state}`);
  const check = container.config.Healthcheck;
  const argv = container.health === undefined ? undefined : commandOf(check);
  if (argv !== undefined) {
    const timeoutMs = Math.min(limitMs, timeoutOf(check));
    return probeExec(tools, container.id, argv, timeoutMs, signal);
  }
  const { probe } = policy;
  if (probe === undefined || container.health !== undefined) return Promise.resolve(undefined);
  return runProbe(tools, container, probe, Math.min(limitMs, tryLimitMs(policy)), signal);
}
