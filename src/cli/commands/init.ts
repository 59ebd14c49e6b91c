import type { Command } from "commander";
import { withContext } from "../request.ts";
import { print, type Session } from "../session.ts";
import { createVault } from "../vault.ts";

export function define(command: Command, session: Session): void {
  command
    .option(
      "--passphrase",
      "opened by a passphrase, asked for whenever it is needed, not by a key file",
    )
    .action((flags: { readonly passphrase?: boolean }) =>
      withContext(session, command, async (context) => {
        const { paths } = context;
        await createVault(context, session, flags.passphrase === true);
        print(session, `Created ${paths.vaultFile}, encrypted with AES-256-GCM.`);
        print(
          session,
          flags.passphrase === true
            ? "Its passphrase is written nowhere: without it the secrets are lost."
            : `Its key is ${paths.keyFile}. Keep a copy elsewhere: without it the secrets are lost.`,
        );
        print(session, "\nNext: dso secret set app/db_password");
      }),
    );
}
