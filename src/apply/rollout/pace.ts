/** How often a container is asked whether it serves, and which of its failures count. */
import type { HealthPolicy } from "../../model/desired.ts";
import type { ContainerDetail } from "../../model/observed.ts";
import type { Clock } from "../../model/ports.ts";
import type { Listener } from "./listener.ts";

export const POLL_MS = 200;
export const NETWORK_POLL_MS = 50;
const LEAST_POLL_MS = 5;

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

/** Nobody tells when a port begins to listen: it is asked often as long as that may be any moment. */
export function pause(
  { clock, listener, container, policy: { probe } }: Waiting,
  waitedMs: number,
  signal: AbortSignal,
): Promise<void> {
  const overNetwork =
    container.health === undefined && probe !== undefined && probe.kind !== "exec";
  if (!overNetwork) return listener.pause(POLL_MS, signal);
  const ms = Math.min(Math.max(Math.round(waitedMs / 4), LEAST_POLL_MS), NETWORK_POLL_MS);
  return clock.sleep(ms, signal);
}
