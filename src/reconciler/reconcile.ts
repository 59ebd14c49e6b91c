/**
 * The loop over one project: load -> observe -> diff -> apply -> report.
 * `plan` stops after `diff`; there is one planner and one executor.
 */
import type { Outcome } from "../apply/context.ts";
import type { Desired } from "../model/desired.ts";
import type { Report } from "../model/events.ts";
import type { Observed } from "../model/observed.ts";
import type { Plan, PlanOptions } from "../model/plan.ts";
import type { Context, ProjectRequest } from "./context.ts";

/** One pass: everything that led to the plan, so that apply works on exactly that. */
export interface Run {
  readonly request: ProjectRequest;
  readonly desired: Desired;
  readonly observed: Observed;
  readonly plan: Plan;
}

export interface ApplySettings {
  readonly parallelism: number;
  /** Aborts when the user insists: stop now, recover later. */
  readonly force: AbortSignal;
  readonly report: Report;
}

/** Reads files and versions; the engine is not asked. */
export declare function load(context: Context, request: ProjectRequest, signal: AbortSignal): Promise<Desired>;
/** Finishes or undoes what a killed process left, observes, and compares. Wants the project's lock. */
export declare function plan(context: Context, request: ProjectRequest, desired: Desired, options: PlanOptions, report: Report, signal: AbortSignal): Promise<Run>;
/** Carries the plan out and remembers it. Wants the project's lock. */
export declare function apply(context: Context, run: Run, settings: ApplySettings, signal: AbortSignal): Promise<Outcome>;
/** Holds the project's lock for the time of `work`; its signal aborts too when the lock is lost. */
export declare function withProjectLock<T>(context: Context, project: string, operation: string, timeoutMs: number, work: (signal: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<T>;
