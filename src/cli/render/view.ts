import type { Outcome } from "../../apply/context.ts";
import type { Report } from "../../model/events.ts";
import type { Plan } from "../../model/plan.ts";

export interface PlanShown {
  /** The plan is all there is; else it goes on to be applied. */
  readonly final: boolean;
  /** A person has seen it already, when it was saved. */
  readonly known?: boolean;
}

/** Shows a run to somebody: as text to a person, or as JSON lines to a program. */
export interface View {
  readonly report: Report;
  planned(plan: Plan, shown: PlanShown): void;
  /** A plan with operations was carried out, wholly or in part. */
  applied(plan: Plan, outcome: Outcome): Promise<void>;
  /** A sentence that is no part of the plan: where it was saved, what to do next. */
  remark(text: string): void;
  failed(error: unknown): Promise<void>;
  /** Stops what still ticks. */
  end(): void;
}
