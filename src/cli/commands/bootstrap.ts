import type { Command } from "commander";
import { access } from "node:fs/promises";
import { ensurePrivateDirectory } from "../../lib/files.ts";
import { DsoError, hasCode } from "../../model/errors.ts";
import type { Context } from "../../reconciler/context.ts";
import { withContext } from "../request.ts";
import { print, type Session } from "../session.ts";
import { createVault } from "../vault.ts";

interface Flags {
  readonly passphrase?: boolean;
  readonly enableNonroot?: boolean;
}

export function define(command: Command, session: Session): void {
  command
    .argument("<mode>", "local: for this user; agent: for the daemon of this machine")
    .option("--passphrase", "a vault that a passphrase opens, not a key file")
    .option("--enable-nonroot", "agent only")
    .action((mode: string, flags: Flags) => {
      if (mode === "agent") throw agent();
      if (mode !== "local") {
        throw new DsoError("usage", `dso bootstrap has no mode "${mode}".`, {
          hint: "Write dso bootstrap local.",
        });
      }
      return withContext(session, command, (context) => local(context, session, flags));
    });
}

function agent(): DsoError {
  return new DsoError("not-in-release", "The agent is not in this release.", {
    hint: "dso bootstrap local prepares this machine for dso up and dso apply.",
  });
}

async function local(context: Context, session: Session, flags: Flags): Promise<void> {
  const { paths, engine } = context;
  for (const directory of [paths.home, paths.stateDir, paths.locksDir]) {
    ensurePrivateDirectory(directory);
    print(session, `ok   ${directory}`);
  }
  if (await exists(paths.vaultFile)) {
    print(session, `ok   ${paths.vaultFile} (was there)`);
  } else {
    await createVault(context, session, flags.passphrase === true);
    print(session, `ok   ${paths.vaultFile} (AES-256-GCM)`);
  }
  try {
    const { version, endpoint } = await engine.info(session.signal);
    print(session, `ok   Docker ${version} at ${endpoint}`);
  } catch (error) {
    if (!(error instanceof DsoError)) throw error;
    print(session, `no   ${error.message}`);
    if (error.hint !== undefined) print(session, `     ${error.hint}`);
    session.exitCode = 1;
  }
  print(
    session,
    "\nNext: dso secret set app/db_password, then dso up in a directory with a compose file.",
  );
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    (error: unknown) => {
      if (hasCode(error, "ENOENT")) return false;
      throw error;
    },
  );
}
