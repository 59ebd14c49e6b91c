import { type Command } from "commander";
import { DsoError } from "../../../model/errors.ts";
import { positive } from "../../flags.ts";
import { withContext } from "../../request.ts";
import type { Session } from "../../session.ts";
import { localName } from "../../vault.ts";

interface Flags {
  readonly version?: number;
  readonly reveal?: boolean;
}

export function define(command: Command, session: Session): void {
  command
    .argument("<name>", "such as app/db_password, or app/db#password")
    .option("--version <n>", "an earlier one", positive)
    .option("--reveal", "write it to what is no terminal, too")
    .action((text: string, { version, reveal = false }: Flags) =>
      withContext(session, command, async (context) => {
        const terminal = session.output.isTTY === true;
        if (!terminal && !reveal) {
          throw new DsoError("usage", "The value would be written to a file or a pipe.", {
            hint: "Give --reveal if that is what you want.",
          });
        }
        const name = localName(context, text);
        const vault = await context.openVault(session.signal);
        using value = await vault.get(name, version);
        const { writeValue } = await import("../../../providers/writeValue.ts");
        writeValue(value, (bytes) => session.output.write(bytes));
        if (terminal) session.output.write("\n");
      }),
    );
}
