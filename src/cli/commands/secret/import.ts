import type { Command } from "commander";
import { resolve } from "node:path";
import { parseDotenv } from "../../../compose/variables/dotenv.ts";
import { decodeText } from "../../../compose/text.ts";
import { readFault, readNamedFile } from "../../../lib/namedFile.ts";
import { combine, DsoError, type Position } from "../../../model/errors.ts";
import { checkEntry, entryPath } from "../../../providers/local/input.ts";
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
        const entries = await readEntries(session, file, prefix);
        if (flags.dryRun === true) {
          print(session, entries.map(([name]) => entryPath(prefix, name)).join("\n"));
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

/**
 * What the vault would refuse is refused with its line, and before anything is listed or stored.
 * `${…}` in the file means the file's own variables only: what it says must not
 * depend on who imports it.
 */
async function readEntries(
  session: Session,
  file: string,
  prefix: string,
): Promise<readonly (readonly [string, Buffer])[]> {
  const bytes = file === "-" ? await readAll(session) : await readPlain(session, file);
  const text = decodeText(file, "the variable file", bytes);
  bytes.fill(0);
  const faults: DsoError[] = [];
  const variables = parseDotenv(file, text, () => undefined, {
    inherit: (name, line) => {
      faults.push(valueless(name, { file, line, column: 1 }));
      return undefined;
    },
  });
  const entries = [...variables].map(([name, { value, line }]) => {
    const bytes = Buffer.from(value);
    faults.push(...refusals(entryPath(prefix, name), bytes, { file, line, column: 1 }));
    return [name, bytes] as const;
  });
  const line = ({ position }: DsoError): number => position?.line ?? 0;
  if (faults.length > 0) throw combine(faults.toSorted((a, b) => line(a) - line(b)));
  return entries;
}

function valueless(name: string, position: Position): DsoError {
  return new DsoError("usage", `the line names ${name} and gives it no value`, {
    hint: `Write ${name}=value, or remove the line.`,
    position,
  });
}

function refusals(path: string, value: Buffer, position: Position): readonly DsoError[] {
  try {
    checkEntry(path, value);
    return [];
  } catch (error) {
    if (!(error instanceof DsoError)) throw error;
    const { code, message, hint = "" } = error;
    return [new DsoError(code, message, { hint, position, cause: error })];
  }
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
