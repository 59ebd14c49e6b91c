/** What is on disk before each step of a change, so that any process can finish or undo it. */
import type { EndpointOptions, RestartPolicy } from "./engine.ts";

export type RotationStatus =
  | "in_progress"
  | "rolling_back"
  | "rolled_back"
  | "completed"
  | "failed"
  /** Recovery was tried and could not: a person has to look. `failed` once the service is as its files say. */
  | "rollback_required";

/**
 * The step that is about to be done: written before, so whoever reads it knows
 * that everything earlier in the list is done and this one may be.
 */
export type RotationStep =
  | "deliver"
  | "create-new"
  | "pre-start"
  | "start-new"
  | "post-start"
  | "await-health"
  | "give-aliases"
  | "verify-answer"
  | "take-aliases"
  | "switch-edge"
  | "detach-old"
  | "swap-files"
  | "send-signal"
  | "restore-files"
  | "pre-stop"
  | "stop-old"
  | "start-old"
  | "rename-old"
  | "rename-new"
  | "set-policy"
  | "watch-new"
  | "drain-old"
  | "remove-old"
  | "drop-generation"
  | "revoke-leases"
  | "restore-old"
  | "remove-new"
  | "done";

export interface Rotation {
  /** Random; also the `dso.rotation` label of the new container. */
  readonly id: string;
  readonly project: string;
  readonly service: string;
  readonly number: number;
  /** The name that the service's container has before and after. */
  readonly name: string;
  /**
   * `stop`: the container is stopped for good, or until something else starts it, or to be started again.
   * `start`: one that stood there is started, and wants something run after that.
   */
  readonly method: "create" | "stop-first" | "blue-green" | "refresh" | "stop" | "start";
  readonly status: RotationStatus;
  readonly step: RotationStep;
  readonly why: string;
  /** ISO 8601, UTC. */
  readonly startedAt: string;
  readonly updatedAt: string;
  /** Absent when nothing was there before. */
  readonly old: RotationMember | undefined;
  readonly new: RotationMember | undefined;
  /**
   * When that run of the old one began, in the engine's words, which the engine was told
   * to end. It goes on with that whatever becomes of who told it: until the grace period
   * is over, the container looks as if it ran on.
   */
  readonly stopping?: string;
  /** Of a refresh: which version of its files the container has read before. */
  readonly files?: string;
  /** Of a refresh: what its process is sent once its files are others. */
  readonly signal?: string;
  /** So long the new state is watched once it serves, ms. */
  readonly monitorMs?: number;
  /** Value name to version, before and after. */
  readonly versions: {
    readonly from: Readonly<Record<string, string>>;
    readonly to: Readonly<Record<string, string>>;
  };
  /** Error code and message, scrubbed, once it failed. */
  readonly error: { readonly code: string; readonly message: string } | undefined;
}

export interface RotationMember {
  /** Absent while it is not made yet. */
  readonly id: string | undefined;
  /** The name it has now. */
  readonly name: string;
  /** The one it has had (old) or is to have in the end (new). */
  readonly restartPolicy: RestartPolicy;
  readonly running: boolean;
  readonly generation: string | undefined;
  readonly endpoints: readonly RotationEndpoint[];
  /**
   * Its post_start is to run as soon as it does: it is about to be started, or has heard its pre_stop, and
   * since then its post_start has not come to its end.
   */
  readonly owed?: boolean;
}

export interface RotationEndpoint {
  readonly network: string;
  readonly aliases: readonly string[];
  readonly ipv4: string | undefined;
  readonly ipv6: string | undefined;
  readonly options?: EndpointOptions;
}
