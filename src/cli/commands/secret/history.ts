import type { Command } from "commander";
import { printable } from "../../render/style.ts";
import { table } from "../../render/table.ts";
import { withContext } from "../../request.ts";
import { print, type Session } from "../../session.ts";
import { localName } from "../../vault.ts";

export function define(command: Command, session: Session): void {
  command
    .argument("<name>")
    .option("--json", "as one JSON array")
    .action((text: string, flags: { readonly json?: boolean }) =>
      withContext(session, command, async (context) => {
        const { path } = localName(context, text);
        const vault = await context.openVault(session.signal);
        const versions = (await vault.history(path)).map((record) => ({
          version: record.version,
          created: record.created,
          by: record.by,
          state: record.state,
          copyOf: record.copyOf,
          keys: record.values.map(({ key }) => key),
        }));
        if (flags.json === true) {
          print(session, JSON.stringify(versions));
          return;
        }
        const rows = versions.map(({ version, created, by, state, copyOf, keys }) => {
          const note = copyOf === undefined ? "" : `as version ${copyOf}`;
          return [String(version), created, by, state, keys.join(","), note].map(printable);
        });
        print(session, table(["VERSION", "CREATED", "BY", "STATE", "KEYS", "NOTE"], rows));
      }),
    );
}
