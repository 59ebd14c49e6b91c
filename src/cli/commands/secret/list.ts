import type { Command } from "commander";
import { printable } from "../../render/style.ts";
import { table } from "../../render/table.ts";
import { withContext } from "../../request.ts";
import { print, type Session } from "../../session.ts";

export function define(command: Command, session: Session): void {
  command
    .argument("[prefix]", "only names that begin with it")
    .option("--json", "as one JSON array")
    .action((prefix: string | undefined, flags: { readonly json?: boolean }) =>
      withContext(session, command, async (context) => {
        const vault = await context.openVault(session.signal);
        const { secrets } = await vault.view();
        const current = [...secrets]
          .filter(([name]) => name.startsWith(prefix ?? ""))
          .sort(([a], [b]) => (a < b ? -1 : 1))
          .flatMap(([name, versions]) => {
            const last = versions.at(-1);
            if (last?.state !== "live") return [];
            const keys = last.values.map(({ key }) => key);
            return [{ name, version: last.version, keys, created: last.created, by: last.by }];
          });
        if (flags.json === true) {
          print(session, JSON.stringify(current));
          return;
        }
        const rows = current.map(({ name, version, keys, created, by }) =>
          [name, String(version), keys.join(","), created, by].map(printable),
        );
        print(session, table(["NAME", "VERSION", "KEYS", "CREATED", "BY"], rows));
      }),
    );
}
