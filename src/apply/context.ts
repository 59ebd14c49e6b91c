import type { Delivery, Shim } from "../model/delivery.ts";
import type { Desired } from "../model/desired.ts";
import type { EndpointConfig, NetworkBody } from "../model/engine.ts";
import type { DsoError } from "../model/errors.ts";
import type { Report } from "../model/events.ts";
import type { Rotation } from "../model/journal.ts";
import type { Observed } from "../model/observed.ts";
import type { Operation, OperationKind, OperationOf, Plan } from "../model/plan.ts";
import type { ImageBuilder } from "../model/build.ts";
import type { Clock, Engine, Random, Sockets } from "../model/ports.ts";
import type { ProviderPrograms } from "../model/providerPrograms.ts";
import type { Answers } from "./answers.ts";
import type { Addresses } from "./network/addresses.ts";
import type { Journal } from "./journal/journal.ts";
import type { Roster } from "./journal/roster.ts";
import type { Scrubber } from "./scrub.ts";
import type { Values, ValueSource } from "./memory/values.ts";

/** Everything that carrying out a plan works with. */
export interface ApplyContext extends ValueSource {
  readonly desired: Desired;
  readonly observed: Observed;
  readonly engine: Engine;
  readonly builder: ImageBuilder;
  readonly delivery: Delivery;
  readonly shim: Shim;
  readonly journal: Journal;
  readonly addresses: Addresses;
  readonly clock: Clock;
  readonly sockets: Sockets;
  readonly random: Random;
  readonly programs: ProviderPrograms;
  readonly answers: Answers;
  /** Variables of every container whose service does not set them; a value may hold a password. */
  readonly proxies: Readonly<Record<string, string>>;
  readonly dsoVersion: string;
  /** Which Compose's config hash is written. */
  readonly dialect: "v2" | "v5";
  /** Operations at a time. */
  readonly parallelism: number;
  /** Aborts when the user insists: stop now, undo nothing, recover later. */
  readonly force: AbortSignal;
}

export interface Outcome {
  readonly done: readonly Operation[];
  readonly failed: readonly Failure[];
  /** Never begun. */
  readonly skipped: readonly Operation[];
  /** Done, and taken back at the end: what was to come of it failed. */
  readonly undone: readonly Operation[];
  /** Services whose files want them as they were before, now that too many replicas failed. */
  readonly toRollBack: readonly FailedUpdate[];
  /** Resources, as the plan counts them. */
  readonly added: number;
  readonly changed: number;
  readonly destroyed: number;
  readonly rotations: readonly Rotation[];
  /** `stopMs`: what of `ms` the old container took to stop. */
  readonly downtimes: readonly {
    readonly operation: Operation;
    readonly ms: number;
    readonly stopMs: number;
  }[];
}

export interface Failure {
  readonly operation: Operation;
  readonly error: DsoError;
  /** The files allow for it: the run went on. */
  readonly tolerated: boolean;
}

/** How an update of a service went. */
export interface FailedUpdate {
  readonly service: string;
  /** Replicas that failed, of those that were to change. */
  readonly failed: number;
  readonly total: number;
}

/** Everything that was planned was done: nothing failed, and nobody ended it early. */
export function isComplete({ failed, skipped }: Pick<Outcome, "failed" | "skipped">): boolean {
  return failed.length === 0 && skipped.length === 0;
}

/**
 * The run went to its end, and what failed was allowed to: what it was to bring is what holds now, in
 * every service of which a replica has it.
 */
export function isCarriedThrough({ done, failed, skipped }: Outcome): boolean {
  const changed = new Set(done.map(changedService));
  return (
    skipped.length === 0 &&
    failed.every(({ operation, tolerated }) => tolerated && changed.has(changedService(operation)))
  );
}

/** The service of which the operation changes a replica that is there. */
export function changedService(operation: Operation): string | undefined {
  const { kind } = operation;
  return kind === "replace-container" || kind === "refresh-container"
    ? operation.service
    : undefined;
}

/** One run of the executor: the context and what the run itself learns. */
export interface Work extends Omit<ApplyContext, "desired"> {
  /** With what programs have given so far. */
  desired: Desired;
  readonly plan: Plan;
  readonly report: Report;
  readonly values: Values;
  readonly scrubber: Scrubber;
  readonly roster: Roster;
  /** By key, the networks that this plan makes anew, as they were. */
  readonly former: ReadonlyMap<string, FormerNetwork>;
}

/**
 * A network as it was before the plan took it down. A network cannot be changed:
 * its containers are taken off, it is removed, and its successor is made. Until
 * that is there the services are cut off, and whoever stops then puts this back.
 */
export interface FormerNetwork {
  readonly id: string;
  readonly body: NetworkBody;
  readonly members: readonly { readonly container: string; readonly endpoint: EndpointConfig }[];
}

export interface Done {
  readonly containerId?: string;
  readonly rotation?: Rotation;
  readonly downtime?: { readonly ms: number; readonly stopMs: number };
  /** The journal's entry of a stop that is over; it goes at the end of the run. */
  readonly stop?: string;
}

/**
 * Carries out one operation. When `signal` aborts it finishes its step, undoes
 * what is half done and rejects with `aborted`; `work.force` stops it at once.
 */
export type Handler<K extends OperationKind> = (
  operation: OperationOf<K>,
  work: Work,
  signal: AbortSignal,
) => Promise<Done>;
