import type { Command } from "commander";
import { DsoError } from "../../../model/errors.ts";
import { approves } from "../../input.ts";
import { withContext } from "../../request.ts";
import { usersOfAny } from "../../rotate.ts";
import { canShowAndAsk, print, type Session } from "../../session.ts";
import { localName, referenceNames } from "../../vault.ts";

interface Flags {
  readonly destroy?: boolean;
  readonly force?: boolean;
}

export function define(command: Command, session: Session): void {
  command
    .argument("<name>")
    .option("--destroy", "erase all its versions for good; else rollback brings it back")
    .option("--force", "do not ask, though something uses it")
    .action((text: string, flags: Flags) =>
      withContext(session, command, async (context) => {
        const { path } = localName(context, text);
        const users = await usersOfAny(context, new Set(referenceNames(context, path)));
        const reasons = [
          ...(users.length === 0
            ? []
            : [`it is used by ${users.map(({ name }) => name).join(", ")}`]),
          ...(flags.destroy === true ? ["all its versions will be erased"] : []),
        ];
        const asked = reasons.length > 0 && flags.force !== true;
        if (asked && !(await confirmed(session, path, reasons))) {
          print(session, "\nNothing was removed.");
          session.exitCode = 1;
          return;
        }
        const vault = await context.openVault(session.signal);
        if (flags.destroy === true) await vault.destroy(path, {}, session.signal);
        else await vault.remove(path, {}, session.signal);
        const back = flags.destroy === true ? "" : ` Bring it back: dso secret rollback ${path}`;
        print(session, `Removed ${path}.${back}`);
      }),
    );
}

async function confirmed(
  session: Session,
  path: string,
  reasons: readonly string[],
): Promise<boolean> {
  const why = reasons.join(", and ");
  if (!canShowAndAsk(session)) {
    throw new DsoError("approval-missing", `Nobody can be asked whether ${path} may go: ${why}.`, {
      hint: "Give --force if it may.",
    });
  }
  const question = `Do you really want to remove ${path}? (${why})`;
  return approves(session, `${question}\n  Only 'yes' will be accepted.\n\n  Enter a value: `);
}
