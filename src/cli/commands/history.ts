import type { Command } from "commander";
import { addProjectFlags } from "../flags.ts";
import { projectName } from "../registered.ts";
import { printable } from "../render/style.ts";
import { table } from "../render/table.ts";
import { withContext } from "../request.ts";
import { print, type Session } from "../session.ts";

export function define(command: Command, session: Session): void {
  addProjectFlags(command)
    .option("--json", "as one JSON array, with reasons and versions")
    .action((flags: { readonly json?: boolean }) =>
      withContext(session, command, async (context) => {
        // Also of one that was taken down: what is over is what a history is about.
        const name = await projectName(context, session, command);
        const entries = await context.state.history(name);
        if (flags.json === true) {
          // The model is for `rollback`: it may hold private text of the files.
          const shown = entries.map(({ model, ...entry }) => ({
            ...entry,
            rollback: model !== undefined,
          }));
          print(session, JSON.stringify(shown));
          return;
        }
        const rows = entries.map((entry) => [
          String(entry.revision),
          entry.at,
          entry.outcome,
          entry.rollbackTo === undefined ? "" : `to ${entry.rollbackTo}`,
          printable(entry.who),
          printable(entry.summary),
        ]);
        print(session, table(["REVISION", "AT", "OUTCOME", "ROLLBACK", "BY", "SUMMARY"], rows));
      }),
    );
}
