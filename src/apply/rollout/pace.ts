/** How often a container is asked whether it serves, and which of its failures count. */
import { type HealthPolicy, SLOW_CHECK_MS } from "../../model/desired.ts";
import type { ContainerDetail } from "../../model/observed.ts";
import type { Clock } from "../../model/ports.ts";
import { commandOf, intervalOf } from "./check.ts";
import type { Listener } from "./listener.ts";

export const POLL_MS = 200;
export const NETWORK_POLL_MS = 50;
const LEAST_POLL_MS = 5;
/** A program that boots longer than this is asked less often. */
const OFTEN_MS = 3000;

/** Failures count once per interval, and only after the start period (by default: the whole time). */
export function countFailures(policy: HealthPolicy, begun: number) {
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
  readonly clock: Clock;
  readonly listener: Listener;
  readonly container: ContainerDetail;
  readonly policy: HealthPolicy;
}

/**
 * Nobody tells when a port begins to listen, or when a check would succeed: it is asked often as long as
 * that may be any moment, and ever less often from the fourth second on, so that of the time to boot a
 * fortieth is lost at most. What the engine itself checks it tells of, and to look costs little.
 */
export function pause(
  { clock, listener, container, policy }: Waiting,
  waitedMs: number,
  signal: AbortSignal,
): Promise<void> {
  const { probe, intervalMs, timeoutMs } = policy;
  const rareMs = waitedMs < OFTEN_MS ? 0 : Math.min(waitedMs / 40, intervalMs);
  const leftMs = Math.max(timeoutMs - waitedMs, LEAST_POLL_MS);
  const atLeast = (ms: number): number => Math.round(Math.min(Math.max(ms, rareMs), leftMs));
  if (isRunByUs(container, policy)) return listener.pause(atLeast(POLL_MS), signal);
  if (container.health !== undefined || probe === undefined) return listener.pause(POLL_MS, signal);
  const oftenMs = Math.min(Math.max(waitedMs / 4, LEAST_POLL_MS), NETWORK_POLL_MS);
  return clock.sleep(atLeast(oftenMs), signal);
}

/** A command in the container, which costs it more than to be looked at. */
function isRunByUs(container: ContainerDetail, { probe }: HealthPolicy): boolean {
  const { health, config } = container;
  if (health === undefined) return probe?.kind === "exec";
  const check = config.Healthcheck;
  return commandOf(check) !== undefined && intervalOf(check) > SLOW_CHECK_MS;
}
