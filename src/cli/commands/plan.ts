import type { Command } from "commander";
import { resolve } from "node:path";
import { open } from "../../reconciler/load.ts";
import {
  addPlanFlags,
  addProjectFlags,
  addRunFlags,
  type PlanFlags,
  planOptions,
  type RunFlags,
} from "../flags.ts";
import { projectRequest, withContext } from "../request.ts";
import { withPlan, withView } from "../rollout.ts";
import type { Session } from "../session.ts";

type Flags = PlanFlags & RunFlags;

export function define(command: Command, session: Session): void {
  addProjectFlags(addRunFlags(addPlanFlags(command)))
    .option("--out <file>", "keep the plan, for `dso apply <file>`")
    .option("--detailed-exitcode", "0: nothing to do, 1: error, 2: there are changes")
    .action((flags: Flags) =>
      withView(session, command, flags, (view) =>
        withContext(session, command, async (context) => {
          const out = flags.out === undefined ? undefined : resolve(session.cwd, flags.out);
          if (out !== undefined) {
            const { checkPlanTarget } = await import("../../reconciler/planTarget.ts");
            await checkPlanTarget(out);
          }
          const request = await projectRequest(session, command);
          const task = {
            operation: "plan",
            request,
            open: (signal: AbortSignal) => open(context, request, signal),
            options: planOptions(flags),
            flags,
          };
          await withPlan(context, session, view, task, async (run) => {
            view.planned(run.plan, { final: true });
            if (out !== undefined) {
              const { savePlan } = await import("../../reconciler/savedPlan.ts");
              await savePlan(context, run, out);
            }
            const step = nextStep(flags.out, run.plan.operations.length > 0);
            if (flags.json !== true || flags.out !== undefined) view.remark(step);
            const { changes, drift, options: asked } = run.plan;
            const found = asked.mode === "refresh-only" ? drift : changes;
            if (flags.detailedExitcode === true && found.length > 0) session.exitCode = 2;
          });
        }),
      ),
    );
}

function nextStep(file: string | undefined, differs: boolean): string {
  if (file !== undefined) {
    return `\nSaved the plan to: ${file}\n\nTo perform exactly these actions, run:\n    dso apply ${JSON.stringify(file)}`;
  }
  return differs
    ? "\nNote: without -out this plan is not kept; `dso apply` looks again at what there is to do."
    : "";
}
