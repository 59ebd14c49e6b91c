import { DsoError } from "../model/errors.ts";
import { removesAll, type Run } from "../reconciler/run.ts";
import type { ApproveFlags, RunFlags } from "./flags.ts";
import { approves } from "./input.ts";
import { canShowAndAsk, type Session } from "./session.ts";

type Flags = ApproveFlags & Pick<RunFlags, "input" | "json">;

/** `apply`: a yes to everything that is in the plan. */
export async function approvePlan(session: Session, flags: Flags, run: Run): Promise<boolean> {
  if (flags.autoApprove === true) return approveLoss(session, flags, run);
  const destroy = run.plan.options.mode === "destroy";
  return confirm(session, flags, {
    question: destroy
      ? "Do you really want to destroy all of this?"
      : "Do you want to perform these actions?",
    explanation: destroy
      ? "DSO will remove what is listed above. There is no undo."
      : "DSO will perform the actions described above.",
    hint: "Give -auto-approve, or a saved plan: dso plan -out=FILE, then dso apply FILE.",
  });
}

/** `up`, and whoever said `-auto-approve`: a yes only where the whole project would be removed. */
export async function approveLoss(session: Session, flags: Flags, run: Run): Promise<boolean> {
  if (!removesAll(run) || flags.allowEmpty === true) return true;
  return confirm(session, flags, {
    question: `Do you want to remove all containers of ${run.plan.project}?`,
    explanation: "The files ask for no container at all, which may be a mistake.",
    hint: "Give -allow-empty, or use dso down.",
  });
}

interface Question {
  readonly question: string;
  readonly explanation: string;
  /** For who cannot be asked. */
  readonly hint: string;
}

async function confirm(
  session: Session,
  flags: Flags,
  { question, explanation, hint }: Question,
): Promise<boolean> {
  if (flags.json === true || !flags.input || !canShowAndAsk(session)) {
    throw new DsoError("approval-missing", `Nobody can be asked: ${question}`, { hint });
  }
  return approves(
    session,
    `\n${question}\n  ${explanation}\n  Only 'yes' will be accepted to approve.\n\n  Enter a value: `,
  );
}
