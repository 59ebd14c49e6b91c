import type { Command } from "commander";
import { resolve } from "node:path";
import { DsoError } from "../../model/errors.ts";
import type { Context } from "../../reconciler/context.ts";
import { open } from "../../reconciler/load.ts";
import { readSavedPlan, verifySavedPlan } from "../../reconciler/savedPlan.ts";
import { approvePlan } from "../approval.ts";
import {
  addApproveFlags,
  addPlanFlags,
  addProjectFlags,
  addRunFlags,
  type ApproveFlags,
  type PlanFlags,
  planOptions,
  type RunFlags,
} from "../flags.ts";
import { projectRequest, withContext } from "../request.ts";
import { rollOut, withView } from "../rollout.ts";
import type { View } from "../render/view.ts";
import type { Session } from "../session.ts";

type Flags = PlanFlags & RunFlags & ApproveFlags;

/** A saved plan has been planned: what to plan, and of what, is in it. */
const PLANNING = [
  "file",
  "projectName",
  "projectDirectory",
  "profile",
  "envFile",
  "refreshOnly",
  "destroy",
  "target",
  "exclude",
  "replace",
];

export function define(command: Command, session: Session): void {
  addProjectFlags(addRunFlags(addPlanFlags(addApproveFlags(command))))
    .argument("[file]", "a plan that `dso plan -out=<file>` has saved")
    .action((file: string | undefined, flags: Flags) =>
      withView(session, command, flags, (view) =>
        withContext(session, command, async (context) => {
          if (file === undefined) await applyNow(context, session, view, command, flags);
          else await applySaved(context, session, view, command, flags, file);
        }),
      ),
    );
}

async function applyNow(
  context: Context,
  session: Session,
  view: View,
  command: Command,
  flags: Flags,
): Promise<void> {
  const request = await projectRequest(session, command);
  await rollOut(context, session, view, {
    operation: "apply",
    request,
    open: (signal) => open(context, request, signal),
    options: { ...planOptions(flags), ask: "always" },
    flags,
    approve: (run) => approvePlan(session, flags, run),
  });
}

async function applySaved(
  context: Context,
  session: Session,
  view: View,
  command: Command,
  flags: Flags,
  file: string,
): Promise<void> {
  refusePlanning(command);
  const path = resolve(session.cwd, file);
  const saved = await readSavedPlan(context, path);
  const { request } = saved;
  await rollOut(context, session, view, {
    operation: "apply",
    request,
    open: (signal) => open(context, request, signal),
    options: saved.plan.options,
    flags,
    verify: (run) => verifySavedPlan(context, path, saved, run),
    // Whoever saved the plan has seen it; to apply it is the yes.
    approve: async () => true,
  });
}

function refusePlanning(command: Command): void {
  const given = [command, command.parent].flatMap((level) =>
    level === null ? [] : PLANNING.filter((name) => level.getOptionValueSource(name) === "cli"),
  );
  if (given.length === 0) return;
  const flags = given.map((name) => `-${name.replace(/[A-Z]/g, (c) => `-${c.toLowerCase()}`)}`);
  throw new DsoError(
    "usage",
    `A saved plan takes no planning flags, but got ${flags.join(", ")}.`,
    {
      hint: "Leave them out, or make a new plan with them.",
    },
  );
}
