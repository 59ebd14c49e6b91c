import { isAwaitedJob, isJob } from "../model/jobs.ts";
import type { DesiredService } from "../model/desired.ts";
import type { ObservedContainer } from "../model/observed.ts";
import type { Situation } from "./situation.ts";

/**
 * Whether the container ran a job to its good end, and so is as it should be. With
 * `rerun` only what somebody waits for counts: anything else is started again.
 */
export function isFinishedJob(
  { desired, options }: Pick<Situation, "desired" | "options">,
  service: DesiredService,
  container: ObservedContainer,
): boolean {
  if (container.state !== "exited" || container.exitCode !== 0) return false;
  return isJob(desired, service) && (!options.rerun || isAwaitedJob(desired, service));
}
