import { type Command, Option } from "commander";
import type { Context } from "../../reconciler/context.ts";
import { withContext } from "../request.ts";
import { print, type Session } from "../session.ts";
import { acceptVault, changeVaultKey, createVault, restorePreviousVault } from "../vault.ts";

interface Flags {
  readonly passphrase?: boolean;
  readonly changeKey?: boolean;
  readonly restorePrevious?: boolean;
  readonly acceptVault?: boolean;
}

export function define(command: Command, session: Session): void {
  command
    .option(
      "--passphrase",
      "opened by a passphrase, asked for whenever it is needed, not by a key file",
    )
    .addOption(
      new Option(
        "--change-key",
        "let a new key file open the vault that is there, or with --passphrase a new passphrase",
      ).conflicts(["restorePrevious", "acceptVault"]),
    )
    .addOption(
      new Option(
        "--restore-previous",
        "put the generation before in the place of a vault that is damaged or gone",
      ).conflicts(["passphrase", "acceptVault"]),
    )
    .addOption(
      new Option(
        "--accept-vault",
        "take the vault that lies there, a backup for instance, for the newest",
      ).conflicts(["passphrase"]),
    )
    .action((flags: Flags) =>
      withContext(session, command, async (context) => {
        if (flags.restorePrevious === true) await restore(context, session);
        else if (flags.acceptVault === true) await accept(context, session);
        else if (flags.changeKey === true)
          await changeKey(context, session, flags.passphrase === true);
        else await create(context, session, flags.passphrase === true);
      }),
    );
}

async function create(context: Context, session: Session, withPassphrase: boolean): Promise<void> {
  const { paths } = context;
  await createVault(context, session, withPassphrase);
  print(session, `Created ${paths.vaultFile}, encrypted with AES-256-GCM.`);
  print(
    session,
    withPassphrase
      ? "Its passphrase is written nowhere: without it the secrets are lost."
      : `Its key is ${paths.keyFile}. Keep a copy elsewhere: without it the secrets are lost.`,
  );
  print(session, "\nNext: dso secret set app/db_password");
}

async function changeKey(
  context: Context,
  session: Session,
  withPassphrase: boolean,
): Promise<void> {
  const { vaultFile, keyFile } = context.paths;
  const kept = await changeVaultKey(context, session, withPassphrase);
  print(
    session,
    withPassphrase
      ? `${vaultFile} is opened by its new passphrase. It is written nowhere: without it the secrets are lost.`
      : `${vaultFile} is opened by a new key, ${keyFile}. Keep a copy elsewhere: without it the secrets are lost.`,
  );
  print(session, "What opened it before opens only backups that are older.");
  if (kept !== undefined) print(session, `The key file of before is ${kept}.`);
  print(session, "\nNext: change the secrets, too, if others may have the old key and a backup");
}

async function restore(context: Context, session: Session): Promise<void> {
  const { vaultFile } = context.paths;
  await restorePreviousVault(context, session);
  print(session, `${vaultFile} is its previous generation again.`);
  print(session, `A damaged one is kept as ${vaultFile}.broken.`);
  print(session, "\nNext: dso secret list, to see what it holds");
}

async function accept(context: Context, session: Session): Promise<void> {
  await acceptVault(context, session);
  print(session, `${context.paths.vaultFile} is taken for the newest from now on.`);
}
