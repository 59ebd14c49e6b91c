import type { Desired } from "../model/desired.ts";
import type { Report } from "../model/events.ts";
import type { Observed } from "../model/observed.ts";
import type { Plan } from "../model/plan.ts";
import type { ProjectRequest } from "./request.ts";

/** One pass: everything that led to the plan, so that apply works on exactly that. */
export interface Run {
  readonly request: ProjectRequest;
  /** What the files have asked of the environment, as it was; undefined: as the request has it. */
  readonly variables: ProjectRequest["variables"];
  readonly desired: Desired;
  readonly observed: Observed;
  readonly plan: Plan;
}

export interface ApplySettings {
  readonly parallelism: number;
  /** Aborts when the user insists: stop now, recover later. */
  readonly force: AbortSignal;
  readonly report: Report;
  readonly remark?: Remark;
}

/** What the caller wants to stand in the history beside the outcome. */
export interface Remark {
  /** Set by `rollback`: the revision whose state this brings back. */
  readonly rollbackTo?: number;
  /** It follows a failure by itself: what was tried, and did not come to serve, is not forgotten. */
  readonly afterFailure?: boolean;
}

/** Everything that runs would go, though nobody asked for that with `-destroy`. */
export function removesAll({ plan: { changes, unchanged, options } }: Pick<Run, "plan">): boolean {
  const containers = changes.filter(({ kind }) => kind === "container");
  const kept = unchanged.some((address) => address.startsWith("container."));
  return (
    options.mode === "apply" &&
    !kept &&
    containers.length > 0 &&
    containers.every(({ action }) => action === "delete")
  );
}

/** Nothing of the project was left out. */
export function wasWhole({ plan: { options } }: Pick<Run, "plan">): boolean {
  return options.targets.length === 0 && options.excludes.length === 0;
}
