import { isAwaitedJob, isDeclaredJob, isJob } from "../model/jobs.ts";
import type { DesiredService } from "../model/desired.ts";
import type { ObservedContainer } from "../model/observed.ts";
import type { Situation } from "./situation.ts";

type Seen = Pick<Situation, "desired" | "observed" | "options">;

/**
 * Whether the container ran a job to its good end, and so is as it should be. With
 * `rerun` only what somebody waits for counts: anything else is started again.
 */
export function isFinishedJob(
  { desired, observed, options }: Seen,
  service: DesiredService,
  container: ObservedContainer,
): boolean {
  if (!endedWell(container) || !isJob(desired, service)) return false;
  if (options.rerun) return isAwaitedJob(desired, service);
  return isDeclaredJob(desired, service) || observed.lastApply?.running.has(container.id) !== true;
}

/**
 * Whether the container may be a job that is done as well as a server that was
 * stopped: the files do not say which, and it was at work when the last apply ended.
 */
export function isPerhapsFinished(
  seen: Seen,
  service: DesiredService,
  container: ObservedContainer,
): boolean {
  return (
    endedWell(container) &&
    isJob(seen.desired, service) &&
    !seen.options.rerun &&
    !isFinishedJob(seen, service, container)
  );
}

function endedWell({ state, exitCode }: ObservedContainer): boolean {
  return state === "exited" && exitCode === 0;
}
