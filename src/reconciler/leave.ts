/** What is left as it is while nobody watches, and why. */
import { isFinishedJob } from "../diff/jobs.ts";
import { isDeclaredJob } from "../model/jobs.ts";
import { COMPOSE, DSO } from "../model/labels.ts";
import type { ObservedContainer } from "../model/observed.ts";
import type { Run } from "./run.ts";
import type { FailedAttempt } from "./state.ts";

export interface LeftAlone {
  /** `service.web` or `container.web[1]`. */
  readonly address: string;
  /** For people. */
  readonly why: string;
  /** Set where nothing of a service that failed is at work: somebody has to see to it. */
  readonly down?: true;
}

const DOWN = "nothing of it runs";

/**
 * A container that a person stopped or paused stays so: that is an intent, and one that died is its restart
 * policy's business. A service that failed as it is now is not tried again.
 */
export function leftAlone(
  run: Run,
  standing: readonly FailedAttempt[],
  stoppedBefore: ReadonlySet<string>,
): readonly LeftAlone[] {
  const failed = standing.map(({ service, message }): LeftAlone => {
    const left = { address: `service.${service}`, why: `it failed as it is now: ${message}` };
    return isDown(run, service) ? { ...left, why: `${left.why}; ${DOWN}`, down: true } : left;
  });
  const stopped = run.observed.containers
    .filter((container) => isStopped(run, container, stoppedBefore))
    .map(({ labels }) => ({
      address: `container.${labels[COMPOSE.service] ?? ""}[${labels[COMPOSE.number] ?? ""}]`,
      why: "it was stopped; dso up starts it",
    }));
  return [...failed, ...stopped];
}

/** The same, once what was applied before serves again. */
export function servedAgain({ address, why }: LeftAlone): LeftAlone {
  return { address, why: why.replace(DOWN, "what was applied before is back") };
}

/** A job that has ended has no need to run. */
function isDown({ desired, observed, plan }: Run, name: string): boolean {
  const service = desired.services.get(name);
  const own = observed.containers.filter(
    ({ labels }) => labels[COMPOSE.service] === name && labels[COMPOSE.oneoff] !== "True",
  );
  if (service === undefined || (own.length > 0 && isDeclaredJob(desired, service))) return false;
  const seen = { desired, observed, options: plan.options };
  return own.every((one) => !AT_WORK.has(one.state) && !isFinishedJob(seen, service, one));
}

const AT_WORK: ReadonlySet<ObservedContainer["state"]> = new Set([
  "running",
  "restarting",
  "paused",
]);

/** Ids of what a person has stopped, sorted: after a reboot it looks like everything else that was at work. */
export function seenStopped(run: Run, before: readonly string[]): readonly string[] {
  const known = new Set(before);
  const stopped = run.observed.containers.filter(
    (container) => container.state === "exited" && isStopped(run, container, known),
  );
  return stopped.map(({ id }) => id).sort();
}

function isStopped(
  { desired, observed, plan }: Run,
  container: ObservedContainer,
  stoppedBefore: ReadonlySet<string>,
): boolean {
  const { id, labels, state } = container;
  const service = desired.services.get(labels[COMPOSE.service] ?? "");
  if (service === undefined || labels[COMPOSE.oneoff] === "True") return false;
  if (state === "paused") return true;
  if (state !== "exited") return false;
  if (isFinishedJob({ desired, observed, options: plan.options }, service, container)) return false;
  if (!observed.lostGenerations.has(labels[DSO.generation] ?? "")) return true;
  // The host's memory was emptied: that has stopped what was at work, and nobody has.
  return stoppedBefore.has(id) || observed.lastApply?.running.has(id) === false;
}
