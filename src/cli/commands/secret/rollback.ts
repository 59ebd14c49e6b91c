import type { Command } from "commander";
import { DsoError } from "../../../model/errors.ts";
import type { VaultRecord } from "../../../providers/local/format.ts";
import { positive } from "../../flags.ts";
import { withContext } from "../../request.ts";
import { rotateUsers } from "../../rotate.ts";
import { print, type Session } from "../../session.ts";
import { localName } from "../../vault.ts";

export function define(command: Command, session: Session): void {
  command
    .argument("<name>")
    .argument("[version]", "the one before the current, if none is named", positive)
    .option("--no-apply", "leave the projects that use it for later")
    .action((text: string, version: number | undefined, flags: { readonly apply: boolean }) =>
      withContext(session, command, async (context) => {
        const { path } = localName(context, text);
        const vault = await context.openVault(session.signal);
        const target = version ?? versionBefore(path, await vault.history(path));
        const made = await vault.rollback(path, target, {}, session.signal);
        print(session, `${path} is what it was at version ${target}; that is now version ${made}.`);
        if (flags.apply) await rotateUsers(context, session, command, [path]);
      }),
    );
}

/** Of a secret that was rolled back: the one before that which it copies. */
function versionBefore(path: string, history: readonly VaultRecord[]): number {
  const last = history.at(-1);
  const current = last?.copyOf ?? last?.version ?? 0;
  const before = history.findLast(({ state, version }) => state === "live" && version < current);
  if (before !== undefined) return before.version;
  throw new DsoError("usage", `Secret "${path}" has no earlier version.`, {
    hint: `dso secret history ${path} lists what is kept.`,
  });
}
