import type { Command } from "commander";
import { isComplete } from "../../apply/context.ts";
import type { Desired } from "../../model/desired.ts";
import { DsoError } from "../../model/errors.ts";
import { DEFAULT_PLAN_OPTIONS } from "../../model/plan.ts";
import type { Context } from "../../reconciler/context.ts";
import { rollbackTarget } from "../../reconciler/rollback.ts";
import { approvePlan } from "../approval.ts";
import {
  addApproveFlags,
  addProjectFlags,
  addRunFlags,
  type ApproveFlags,
  type RunFlags,
} from "../flags.ts";
import { registeredProject } from "../registered.ts";
import { withContext } from "../request.ts";
import { rollOut, withView } from "../rollout.ts";
import type { View } from "../render/view.ts";
import type { Session } from "../session.ts";

export function define(command: Command, session: Session): void {
  addProjectFlags(addRunFlags(addApproveFlags(command)))
    .argument("[service]", "only this one")
    .action((service: string | undefined, flags: RunFlags & ApproveFlags) =>
      withView(session, command, flags, (view) =>
        withContext(session, command, async (context) => {
          const { name, request } = await registeredProject(context, session, command);
          let revision = 0;
          const load = async (signal: AbortSignal): Promise<Desired> => {
            const target = await rollbackTarget(context, name, service, signal);
            revision = target.revision;
            view.remark(`Going back to revision ${revision} of project ${name}.`);
            return target.desired;
          };
          const done = await rollOut(context, session, view, {
            operation: "rollback",
            request,
            open: async () => Promise.resolve({ name, load, trace: undefined }),
            options: { ...DEFAULT_PLAN_OPTIONS, pace: "rollback" },
            flags,
            remark: () => ({ rollbackTo: revision }),
            approve: (run) => approvePlan(session, flags, run),
            settle: async (_, outcome) => {
              // Of a part of it, too: nothing is to roll that forward again.
              const some = isComplete(outcome) || outcome.done.length > 0;
              if (some) await holdBack(context, view, name, revision);
            },
          });
          if (done === undefined) return;
          if (!isComplete(done.outcome)) {
            throw new DsoError("rollback-failed", "The rollback was not carried out in full.", {
              hint: "Look at what failed above, then run it again.",
            });
          }
        }),
      ),
    );
}

async function holdBack(
  { state, clock, who }: Context,
  view: View,
  project: string,
  revision: number,
): Promise<void> {
  const why = `rolled back to revision ${revision}`;
  await state.setHold(project, { since: new Date(clock.now()).toISOString(), who, why });
  view.remark(`Project ${project} is held, so that nothing undoes this. Lift it: dso resume`);
}
