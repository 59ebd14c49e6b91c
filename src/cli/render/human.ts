import { isComplete, type Outcome } from "../../apply/context.ts";
import { renderPlan } from "../../diff/render.ts";
import type { Plan } from "../../model/plan.ts";
import type { Session } from "../session.ts";
import { renderError } from "./errors.ts";
import { createLines } from "./lines.ts";
import { createLive } from "./live.ts";
import { type Paint, styleOf } from "./style.ts";
import type { View } from "./view.ts";

export interface HumanOptions {
  /** `-no-color` was not given. */
  readonly color: boolean;
  readonly showValues: boolean;
}

export function createHumanView(session: Session, options: HumanOptions): View {
  const { output, error: complaints, environment } = session;
  const style = styleOf(output, environment, options.color);
  const complaintStyle = styleOf(complaints, environment, options.color);
  const debug = environment["DSO_LOG"] === "debug";
  const live = output.isTTY === true && environment["TERM"] !== "dumb";
  const elapsed = (): number => performance.now();
  const progress = (live ? createLive : createLines)(output, style, elapsed);
  const timer = setInterval(() => progress.tick(elapsed()), 1000).unref();
  const failed = async (error: unknown): Promise<void> => {
    complaints.write(await renderError(error, { style: complaintStyle, debug }));
  };
  return {
    report: progress.report,
    planned: (plan, { known = false }) => {
      if (known && plan.operations.length > 0) return;
      output.write(renderPlan(plan, { color: style.color, showValues: options.showValues }));
    },
    applied: async (plan, outcome) => {
      progress.end();
      // What stops a run stops many operations, with the same words.
      const distinct = new Map(outcome.failed.map(({ error }) => [error.message, error]));
      for (const error of distinct.values()) await failed(error);
      output.write(`\n${style.bold(summary(plan, outcome, style.green, style.red))}\n`);
    },
    remark: (text) => {
      if (text !== "") output.write(`${text}\n`);
    },
    failed,
    end: () => {
      clearInterval(timer);
      progress.end();
    },
  };
}

function summary(plan: Plan, outcome: Outcome, good: Paint, bad: Paint): string {
  const { added, changed, destroyed } = outcome;
  const word = plan.options.mode === "destroy" ? "Destroy" : "Apply";
  const counts = `Resources: ${added} added, ${changed} changed, ${destroyed} destroyed.`;
  if (!isComplete(outcome)) return bad(`${word} incomplete. ${counts}`);
  if (plan.options.mode === "destroy")
    return good(`Destroy complete! Resources: ${destroyed} destroyed.`);
  return good(`Apply complete! ${counts}`);
}
