import type { Command } from "commander";
import { open } from "../../reconciler/load.ts";
import { addProjectFlags, addRunFlags, planOptions, type RunFlags } from "../flags.ts";
import { projectRequest, withContext } from "../request.ts";
import { withPlan, withView } from "../rollout.ts";
import type { Session } from "../session.ts";

export function define(command: Command, session: Session): void {
  addProjectFlags(addRunFlags(command)).action((flags: RunFlags) =>
    withView(session, command, flags, (view) =>
      withContext(session, command, async (context) => {
        const request = await projectRequest(session, command);
        const task = {
          operation: "drift",
          request,
          open: (signal: AbortSignal) => open(context, request, signal),
          options: planOptions({ refreshOnly: true }),
          flags,
        };
        await withPlan(context, session, view, task, async ({ plan }) => {
          view.planned(plan, { final: true });
          if (plan.drift.length > 0) session.exitCode = 2;
        });
      }),
    ),
  );
}
