/** How the replicas of a service follow one another while they change. */
import { parseDuration } from "./duration.ts";
import type { ServiceModel } from "./project.ts";

/** Whose words hold: `deploy.update_config`, or `deploy.rollback_config` on the way back. */
export type Pace = "update" | "rollback";

export interface UpdatePolicy {
  /** Replicas at a time; 0: all at once. */
  readonly parallelism: number;
  /** Between one batch of them and the next. */
  readonly delayMs: number;
  /** So long a new one is watched, while the old one can still come back. */
  readonly monitorMs: number;
  /** Of the old and the new container of a replica, no two are to run at once. */
  readonly stopFirst: boolean;
  /** What follows once more have failed than may. */
  readonly failureAction: "continue" | "pause" | "rollback";
  /** How many may: a part of those that change, 0 to 1. */
  readonly maxFailureRatio: number;
}

/** What of that stands in an operation on one replica; nothing where it is zero. */
export interface Paced {
  /** Waited for before it is begun, after those before it. */
  readonly delayMs?: number;
  /** The new state is watched so long before the old one goes. */
  readonly monitorMs?: number;
}

/**
 * As the files say, with Compose's defaults. The way back is never itself taken back, and where
 * nothing is said of its order, what must not run twice on the way there must not on the way back.
 */
export function updatePolicy({ deploy }: ServiceModel, pace: Pace): UpdatePolicy {
  const words = pace === "update" ? deploy?.update_config : deploy?.rollback_config;
  const action = words?.failure_action;
  const order = words?.order ?? deploy?.update_config?.order;
  return {
    parallelism: words?.parallelism ?? 1,
    delayMs: parseDuration(words?.delay ?? "") ?? 0,
    monitorMs: parseDuration(words?.monitor ?? "") ?? 0,
    stopFirst: order === "stop-first",
    failureAction:
      action === "continue" || (action === "rollback" && pace === "update") ? action : "pause",
    maxFailureRatio: words?.max_failure_ratio ?? 0,
  };
}
