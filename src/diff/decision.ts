/** What is to become of each container, before it is said in changes and done in operations. */
import type { DesiredService } from "../model/desired.ts";
import type { DeliveredVersions } from "../model/observed.ts";
import type { Reason } from "../model/plan.ts";
import type { Comparison } from "./attributes.ts";
import type { Before } from "./before.ts";
import type { Instance } from "./inventory.ts";
import type { Choice } from "./method.ts";

/** What the service's containers have to be, whichever they are. */
export interface Expectation {
  /** The hashes that Compose's versions give it. */
  readonly hashes: ReadonlySet<string>;
  /** What happens to the services that it shares with: its containers have to follow. */
  readonly cascade: readonly Reason[];
  readonly restart: readonly Reason[];
}

/** One small thing that is done to a container that stays. */
export type Step =
  | { readonly kind: "rename"; readonly name: string }
  /** `network` is the compose key. */
  | { readonly kind: "connect"; readonly network: string }
  | { readonly kind: "unpause" }
  | { readonly kind: "start" }
  | { readonly kind: "restart" };

/** One thing that a container that stays differs in. */
export interface Repair {
  readonly reason: Reason;
  /** What puts it right; undefined where only replacing does, or nothing is to be done. */
  readonly step: Step | undefined;
}

export type Decision =
  | {
      readonly action: "keep";
      readonly instance: Instance;
      /** What differs, whatever is done about it. */
      readonly drift: readonly Repair[];
    }
  | {
      readonly action: "create";
      readonly number: number;
      readonly name: string;
      readonly reasons: readonly Reason[];
    }
  | {
      readonly action: "replace";
      readonly instance: Instance;
      readonly name: string;
      readonly reasons: readonly Reason[];
      readonly choice: Choice;
      readonly before: Before | undefined;
      readonly delivered: DeliveredVersions | undefined;
      readonly comparison: Comparison;
      readonly drift: readonly Repair[];
    }
  | {
      readonly action: "update";
      readonly instance: Instance;
      /** Those that are made. */
      readonly repairs: readonly Repair[];
      readonly drift: readonly Repair[];
    }
  | { readonly action: "remove"; readonly instance: Instance; readonly reasons: readonly Reason[] };

export type DecisionOf<A extends Decision["action"]> = Extract<Decision, { readonly action: A }>;

export interface ServiceDecision {
  readonly service: DesiredService;
  readonly decisions: readonly Decision[];
}

export function only<A extends Decision["action"]>(
  { decisions }: ServiceDecision,
  action: A,
): readonly DecisionOf<A>[] {
  return decisions.filter((one): one is DecisionOf<A> => one.action === action);
}

/** The containers that stay or make room for a successor of their own number. */
export function lasting({ decisions }: ServiceDecision): readonly Instance[] {
  return decisions.flatMap((decision) =>
    decision.action === "create" || decision.action === "remove" ? [] : [decision.instance],
  );
}

/** Those that are really replaced, not only reported or given new files. */
export function replaced(decision: ServiceDecision): readonly DecisionOf<"replace">[] {
  return only(decision, "replace").filter(
    ({ choice: { method } }) => method !== "none" && method !== "refresh",
  );
}

/** Those that run on, with new files. */
export function refreshed(decision: ServiceDecision): readonly DecisionOf<"replace">[] {
  return only(decision, "replace").filter(({ choice: { method } }) => method === "refresh");
}
