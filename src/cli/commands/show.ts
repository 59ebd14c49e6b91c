import type { Command } from "commander";
import { resolve } from "node:path";
import { planJson } from "../../diff/json.ts";
import { renderPlan } from "../../diff/render.ts";
import { readSavedPlan } from "../../reconciler/savedPlan.ts";
import { projectFlags } from "../flags.ts";
import { styleOf } from "../render/style.ts";
import { withContext } from "../request.ts";
import { print, type Session } from "../session.ts";

export function define(command: Command, session: Session): void {
  command
    .argument("<file>", "a plan that `dso plan -out=<file>` has saved")
    .option("--json", "in the shape of Terraform's `show -json`, on one line")
    .option("--no-color", "plain text, as NO_COLOR does")
    .action((file: string, flags: { readonly json?: boolean }) =>
      withContext(session, command, async (context) => {
        const saved = await readSavedPlan(context, resolve(session.cwd, file));
        if (flags.json === true) {
          print(session, JSON.stringify(planJson(saved.plan, saved)));
          return;
        }
        const wanted = projectFlags(command).color ?? true;
        const { color } = styleOf(session.output, session.environment, wanted);
        print(session, renderPlan(saved.plan, { color, showValues: false }));
      }),
    );
}
