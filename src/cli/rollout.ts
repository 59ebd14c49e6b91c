/** What plan, apply, up, down, rollback and a changed secret have in common: the loop, with a person watching. */
import { setImmediate } from "node:timers/promises";
import { isComplete, type Outcome } from "../apply/context.ts";
import { DsoError } from "../model/errors.ts";
import type { PlanOptions } from "../model/plan.ts";
import type { Context } from "../reconciler/context.ts";
import type { ProjectRequest } from "../reconciler/request.ts";
import { withProjectLock } from "../reconciler/lock.ts";
import { apply, type Opened, plan, type Run } from "../reconciler/reconcile.ts";
import type { Remark } from "../reconciler/run.ts";
import { projectFlags, type RunFlags } from "./flags.ts";
import { createHumanView } from "./render/human.ts";
import { createStreamView } from "./render/stream.ts";
import type { View } from "./render/view.ts";
import type { Session } from "./session.ts";
import type { Command } from "commander";

export interface Rollout {
  /** `apply`, for the lock and whoever finds it taken. */
  readonly operation: string;
  readonly request: ProjectRequest;
  /** Of whatever is to be desired; asked again where the lock had to be waited for. */
  readonly open: (signal: AbortSignal) => Promise<Opened>;
  readonly options: PlanOptions;
  readonly flags: Pick<RunFlags, "lockTimeout" | "parallelism">;
  /** Asked once the plan is made. */
  readonly remark?: () => Remark;
  /** Rejects where the plan is not the one that was meant; the plan is not shown then. */
  readonly verify?: (run: Run) => Promise<void>;
  /** Done once the plan was carried out, or a part of it, under the lock still. */
  readonly settle?: (run: Run, outcome: Outcome) => Promise<void>;
  /** Asked once the plan was shown; false: a person declined. */
  readonly approve: (run: Run, signal: AbortSignal) => Promise<boolean>;
}

export interface RolledOut {
  readonly run: Run;
  readonly outcome: Outcome;
}

/**
 * Shows the plan, has it approved, carries it out and tells what came of it, under the project's
 * lock; undefined where a person declined.
 */
export function rollOut(
  context: Context,
  session: Session,
  view: View,
  rollout: Rollout,
): Promise<RolledOut | undefined> {
  return withPlan(context, session, view, rollout, async (run, signal) => {
    await rollout.verify?.(run);
    const idle = run.plan.operations.length === 0;
    view.planned(run.plan, { final: idle, known: rollout.verify !== undefined });
    if (!idle && !(await rollout.approve(run, signal))) {
      view.remark("\nApply cancelled.");
      session.exitCode = 1;
      return undefined;
    }
    const { parallelism } = rollout.flags;
    const settings = { parallelism, force: session.force, report: view.report };
    const remark = rollout.remark === undefined ? {} : { remark: rollout.remark() };
    const outcome = await apply(context, run, { ...settings, ...remark }, signal);
    if (!idle) await view.applied(run.plan, outcome);
    if (!isComplete(outcome)) session.exitCode = 1;
    await rollout.settle?.(run, outcome);
    if (outcome.toRollBack.length > 0) {
      const { rollBackUpdates } = await import("../reconciler/failedUpdates.ts");
      const back = await rollBackUpdates(context, run, outcome, settings, signal);
      for (const { error } of back?.failed ?? []) await view.failed(error);
    }
    return { run, outcome };
  });
}

/** Loads and plans under the project's lock, which is held while `work` lasts. */
export async function withPlan<T>(
  context: Context,
  session: Session,
  view: View,
  { operation, request, open, options, flags }: Omit<Rollout, "approve">,
  work: (run: Run, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  // Its answer is waited for, and its failure told, where the plan needs it. The question is sent
  // in the next turn of the event loop, and the files would keep that waiting.
  context.engine.info(session.signal).catch(() => undefined);
  await setImmediate();
  const opened = await open(session.signal);
  return withProjectLock(
    context,
    opened.name,
    { operation, timeoutMs: flags.lockTimeout, report: view.report },
    async (signal, waited) => {
      const current = waited ? await open(signal) : opened;
      if (current.name !== opened.name) throw renamed(opened, current);
      return work(await plan(context, request, current, options, view.report, signal), signal);
    },
    session.signal,
  );
}

function renamed(before: Opened, now: Opened): DsoError {
  return new DsoError(
    "locked",
    `Project ${before.name} became ${now.name} while its lock was waited for.`,
    { hint: "Look at its files, and run the command again." },
  );
}

/** Runs `work` with a view in the form that was asked for; its errors are shown there. */
export async function withView(
  session: Session,
  command: Command,
  flags: Partial<RunFlags>,
  work: (view: View) => Promise<void>,
): Promise<void> {
  if (flags.showValues === true && session.output.isTTY !== true) {
    throw new DsoError("usage", "-show-values is for a terminal.", {
      hint: "Leave it out where the output is kept.",
    });
  }
  const view =
    flags.json === true
      ? createStreamView(session.output, session.version)
      : createHumanView(session, {
          color: projectFlags(command).color ?? true,
          showValues: flags.showValues ?? false,
        });
  try {
    await work(view);
  } catch (error) {
    session.exitCode = 1;
    await view.failed(session.signal.aborted && isAbort(error) ? session.signal.reason : error);
  } finally {
    view.end();
  }
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === "AbortError";
}
