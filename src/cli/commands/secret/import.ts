import type { Command } from "commander";
import { resolve } from "node:path";
import { parseDotenv } from "../../../compose/dotenv.ts";
import { decodeText } from "../../../compose/text.ts";
import { readFault, readNamedFile } from "../../../lib/namedFile.ts";
import { DsoError } from "../../../model/errors.ts";
import { withContext } from "../../request.ts";
import { readAll } from "../../input.ts";
import { rotateUsers } from "../../rotate.ts";
import { print, type Session } from "../../session.ts";

interface Flags {
  readonly prefix: string;
  readonly dryRun?: boolean;
  readonly apply: boolean;
}

export function define(command: Command, session: Session): void {
  command
    .argument("<file>", "a .env file; - reads standard input")
    .option("--prefix <path>", "stored below it: app gives app/NAME", "")
    .option("--dry-run", "list what would be stored, and store nothing")
    .option("--no-apply", "leave the projects that use them for later")
    .action((file: string, flags: Flags) =>
      withContext(session, command, async (context) => {
        const prefix = flags.prefix.replace(/\/+$/, "");
        const entries = await readEntries(session, file);
        if (flags.dryRun === true) {
          print(
            session,
            entries.map(([name]) => (prefix === "" ? name : `${prefix}/${name}`)).join("\n"),
          );
          return;
        }
        const vault = await context.openVault(session.signal);
        const imported = await vault.importEntries(entries, prefix, session.signal);
        for (const { path, version, changed } of imported) {
          print(session, `${path}: ${changed ? `stored, version ${version}` : "unchanged"}`);
        }
        print(session, `\n${file} still holds the values in plain: remove them there.`);
        const changed = imported.filter((entry) => entry.changed).map(({ path }) => path);
        if (flags.apply) await rotateUsers(context, session, command, changed);
      }),
    );
}

/** `${…}` in the file means the file's own variables only: what it says must not depend on who imports it. */
async function readEntries(
  session: Session,
  file: string,
): Promise<readonly (readonly [string, Buffer])[]> {
  const bytes = file === "-" ? await readAll(session) : await readPlain(session, file);
  const text = decodeText(file, "the variable file", bytes);
  bytes.fill(0);
  const variables = parseDotenv(file, text, () => undefined);
  return [...variables].map(([name, { value }]) => [name, Buffer.from(value)]);
}

async function readPlain({ cwd, signal }: Session, file: string): Promise<Buffer> {
  try {
    return await readNamedFile(resolve(cwd, file), signal);
  } catch (cause) {
    signal.throwIfAborted();
    const why = readFault(cause);
    if (why === undefined) throw cause;
    throw new DsoError("usage", `The file ${file} ${why}.`, {
      hint: "Name a .env file that you may read.",
      cause,
    });
  }
}
