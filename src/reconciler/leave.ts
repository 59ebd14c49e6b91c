/** What is left as it is while nobody watches, and why. */
import { isFinishedJob } from "../diff/jobs.ts";
import { COMPOSE, DSO } from "../model/labels.ts";
import type { ObservedContainer } from "../model/observed.ts";
import type { Run } from "./run.ts";
import type { FailedAttempt } from "./state.ts";

export interface LeftAlone {
  /** `service.web` or `container.web[1]`. */
  readonly address: string;
  /** For people. */
  readonly why: string;
}

/**
 * A container that a person stopped or paused stays so: that is an intent, and one that died is its restart
 * policy's business. A service that failed as it is now is not tried again.
 */
export function leftAlone(run: Run, standing: readonly FailedAttempt[]): readonly LeftAlone[] {
  const failed = standing.map(({ service, message }) => ({
    ...{ address: `service.${service}`, why: `it failed as it is now: ${message}` },
  }));
  const stopped = run.observed.containers
    .filter((container) => isStopped(run, container))
    .map(({ labels }) => ({
      address: `container.${labels[COMPOSE.service] ?? ""}[${labels[COMPOSE.number] ?? ""}]`,
      why: "it was stopped; dso up starts it",
    }));
  return [...failed, ...stopped];
}

function isStopped({ desired, observed, plan }: Run, container: ObservedContainer): boolean {
  const { labels, state } = container;
  const service = desired.services.get(labels[COMPOSE.service] ?? "");
  if (service === undefined || labels[COMPOSE.oneoff] === "True") return false;
  if (state === "paused") return true;
  if (state !== "exited") return false;
  // The host's memory was emptied: nobody has stopped that.
  if (observed.lostGenerations.has(labels[DSO.generation] ?? "")) return false;
  return !isFinishedJob({ desired, observed, options: plan.options }, service, container);
}
