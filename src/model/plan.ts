/**
 * A plan: changes for people to read and operations for the executor to do. It
 * holds references and versions, never values, and no time: the same desired
 * and observed state give the same bytes.
 */
import type { Grade } from "./desired.ts";
import type { Position } from "./errors.ts";
import type { Json } from "./project.ts";
import type { Pace, Paced } from "./updates.ts";

export interface Plan {
  readonly project: string;
  readonly engineId: string;
  readonly options: PlanOptions;
  /** In the order in which they are shown; what stays as it is is not among them. */
  readonly changes: readonly Change[];
  /** Addresses of what stays as it is. */
  readonly unchanged: readonly string[];
  /** What differs from the last apply although no file did, whether `changes` acts on it or not. */
  readonly drift: readonly Change[];
  readonly operations: readonly Operation[];
  readonly warnings: readonly PlanWarning[];
}

/** Everything a person can ask of the planner; a saved plan keeps it. */
export interface PlanOptions {
  readonly mode: "apply" | "destroy" | "refresh-only";
  /** Addresses (`service.web`, `container.web[1]`, …); empty means all. */
  readonly targets: readonly string[];
  readonly excludes: readonly string[];
  readonly replace: readonly string[];
  /**
   * Containers of services that the files do not know. `ours`: those of these files;
   * one that another directory made under the same project name is an error.
   */
  readonly removeOrphans: "ours" | "all" | "none";
  /** `--no-deps`: of `targets`, nothing that they depend on. */
  readonly withDependencies: boolean;
  readonly recreate: "diverged" | "force" | "never";
  readonly build: "missing" | "always" | "never";
  readonly pull: "policy" | "always" | "missing" | "never";
  readonly renewAnonymousVolumes: boolean;
  /** Service to replica count, over the file's. */
  readonly scale: Readonly<Record<string, number>>;
  /** Seconds to stop in, over the container's own. */
  readonly stopTimeout: number | undefined;
  /** `down -v`: named and anonymous volumes go too. */
  readonly removeVolumes: boolean;
  /** Start what a person stopped. */
  readonly start: boolean;
  /**
   * Run jobs that are done once more, as `docker compose up` does with those that it
   * names; not what some dependent waits to be completed.
   */
  readonly rerun: boolean;
  /** Provider services: those whose answer is wanted, or every one, as `docker compose up` does. */
  readonly ask: "needed" | "always";
  /** Whose words pace the replicas: those for the way there, or for the way back. */
  readonly pace: Pace;
}

export const DEFAULT_PLAN_OPTIONS: PlanOptions = {
  mode: "apply",
  targets: [],
  excludes: [],
  replace: [],
  removeOrphans: "ours",
  withDependencies: true,
  recreate: "diverged",
  build: "missing",
  pull: "policy",
  renewAnonymousVolumes: false,
  scale: {},
  stopTimeout: undefined,
  removeVolumes: false,
  start: true,
  rerun: false,
  ask: "needed",
  pace: "update",
};

export type ResourceKind = "service" | "container" | "network" | "volume" | "image";
/** `read`: the program of a provider service is asked; nothing is counted for it, as for Terraform's data. */
export type Action = "create" | "update" | "replace" | "delete" | "read";
export type Method = "refresh" | "blue-green" | "stop-first" | "none";

export interface Change {
  /** `container.web[1]`, `network.default`, `volume.data`, `image.web`; `service.db` of a provider service. */
  readonly address: string;
  readonly kind: ResourceKind;
  /** The compose key: of the service, for containers and images. */
  readonly name: string;
  /** The number label, for containers. */
  readonly index: number | undefined;
  /** The engine's name for it. */
  readonly engineName: string;
  readonly action: Action;
  readonly reasons: readonly Reason[];
  /** For containers that are replaced or refreshed. */
  readonly method: Method | undefined;
  /** Undefined where nothing that serves is interrupted. */
  readonly downtime: Downtime | undefined;
  /** How the replicas of its service follow one another; on the first of them, where the files say so. */
  readonly rollout?: string;
  readonly deliveries: readonly DeliveryChange[];
  readonly attributes: readonly AttributeChange[];
  /** How many attributes stay as they are. */
  readonly unchangedAttributes: number;
  /** All non-private attributes, for `planned_values` and `before`/`after` of the JSON form. */
  readonly before: Readonly<Record<string, Json>> | null;
  readonly after: Readonly<Record<string, Json>> | null;
}

export interface Reason {
  /** Open set: image_changed, env_changed, secret_rotated, drift_stopped, orphan, … */
  readonly code: string;
  /** What exactly, for people: `vault:db#password`, `no service "old" in compose.yaml`. */
  readonly detail: string | undefined;
}

export interface Downtime {
  /** As it was measured the last time, else the least that it may be. */
  readonly expectedMs: number;
  /** If the program ignores its stop signal until it is killed, and its check takes all of its time. */
  readonly worstMs: number;
  readonly measured: boolean;
  /** Why it cannot be avoided, e.g. `volume "data", which it writes`. */
  readonly forcedBy: readonly string[];
}

export interface DeliveryChange {
  /** `environment.DATABASE_URL` or `file./run/secrets/db`. */
  readonly place: string;
  /** Value name (`provider:path#key`). */
  readonly value: string;
  readonly from: string | undefined;
  readonly to: string | undefined;
  readonly grade: Grade;
}

export interface AttributeChange {
  /** Dotted, e.g. `image`, `environment.LOG`, `ports`. */
  readonly path: string;
  /** Undefined: absent. */
  readonly before: Json | undefined;
  readonly after: Json | undefined;
  /**
   * `open`: both may be shown. `private`: it did not stand literally in the file,
   * so only that it changed is shown. `secret`: the texts are `reference @version`.
   */
  readonly shown: "open" | "private" | "secret";
  /** This attribute is why the object is replaced. */
  readonly forcesReplacement: boolean;
}

export interface PlanWarning {
  readonly code: string;
  readonly message: string;
  readonly hint: string | undefined;
  readonly position: Position | undefined;
}

interface OperationBase {
  /** Counts from 1 in the order of the plan. */
  readonly id: number;
  /** The operations that must be done before. */
  readonly after: readonly number[];
  /** The address that the operation works on. */
  readonly address: string;
  /** In one line, for people and the journal. */
  readonly why: string;
}

/** What the executor can do. One handler each; a new kind does not compile until it has one. */
export type Operation = OperationBase &
  (
    | {
        readonly kind: "pull-image";
        readonly service: string;
        readonly image: string;
        /** The service whose `build:` makes it, where no registry gives it. */
        readonly orBuild?: string;
      }
    | {
        readonly kind: "build-image";
        readonly service: string;
        readonly image: string;
      }
    | { readonly kind: "create-network"; readonly network: string }
    | {
        readonly kind: "remove-network";
        readonly networkId: string;
        readonly name: string;
      }
    | { readonly kind: "create-volume"; readonly volume: string }
    | { readonly kind: "remove-volume"; readonly name: string }
    | {
        readonly kind: "create-container";
        readonly service: string;
        readonly number: number;
        readonly name: string;
        readonly oneShot: boolean;
      }
    | ({
        readonly kind: "replace-container";
        readonly service: string;
        readonly number: number;
        readonly name: string;
        readonly method: "stop-first" | "blue-green";
        readonly oldId: string;
        readonly oldName: string;
        readonly expectedDowntimeMs: number;
      } & Paced)
    /** New files under a container that runs on. */
    | ({
        readonly kind: "refresh-container";
        readonly service: string;
        readonly number: number;
        readonly containerId: string;
        /** What its process is sent then; undefined: nothing. */
        readonly signal: string | undefined;
      } & Paced)
    | {
        readonly kind: "start-container";
        readonly service: string;
        readonly containerId: string;
      }
    | { readonly kind: "unpause-container"; readonly containerId: string }
    | {
        readonly kind: "restart-container";
        readonly service: string;
        readonly containerId: string;
      }
    | {
        readonly kind: "rename-container";
        readonly containerId: string;
        readonly name: string;
      }
    | { readonly kind: "stop-container"; readonly containerId: string }
    | {
        readonly kind: "remove-container";
        readonly containerId: string;
        readonly name: string;
        readonly volumes: boolean;
      }
    | {
        readonly kind: "connect-network";
        readonly service: string;
        readonly containerId: string;
        readonly network: string;
      }
    | {
        readonly kind: "disconnect-network";
        readonly containerId: string;
        readonly networkId: string;
      }
    /** Runs the program of a provider service; `up` gives variables to those that depend on it. */
    | {
        readonly kind: "ask-provider";
        readonly service: string;
        readonly program: string;
        readonly verb: "up" | "down";
      }
    /** Waits until every container of the service meets the condition of a dependent. */
    | {
        readonly kind: "wait-service";
        readonly service: string;
        readonly condition:
          "service_started" | "service_healthy" | "service_completed_successfully";
        readonly required: boolean;
      }
  );

export type OperationKind = Operation["kind"];
export type OperationOf<K extends OperationKind> = Extract<Operation, { readonly kind: K }>;
