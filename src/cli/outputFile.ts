/** A file that somebody names for what a command prints. */
import { access, constants, realpath, stat, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { writeFileAtomic } from "../lib/files.ts";
import { DsoError, hasCode } from "../model/errors.ts";

/**
 * In place of what is there, in one step; into a pipe, a terminal or /dev/null, which must stay what they are.
 * Rejects with `usage` where no file can be made.
 */
export async function writeOutput(path: string, text: string): Promise<void> {
  try {
    await access(dirname(path), constants.X_OK);
    const found = await stat(path).catch((error: unknown) => {
      if (hasCode(error, "ENOENT")) return undefined;
      throw error;
    });
    if (found === undefined) await writeFileAtomic(path, text);
    else if (found.isFile())
      await writeFileAtomic(await realpath(path), text, { mode: found.mode & 0o777 });
    else await writeFile(path, text);
  } catch (error) {
    const why = FAULTS.find(([code]) => hasCode(error, code))?.[1];
    if (why === undefined) throw error;
    throw new DsoError("usage", `${path} cannot be written: ${why}.`, {
      cause: error,
      hint: "Name another file with -o.",
    });
  }
}

const FAULTS = [
  ["ENOENT", "its directory does not exist"],
  ["ENOTDIR", "its directory does not exist"],
  ["EISDIR", "it is a directory"],
  ["EACCES", "permission denied"],
  ["EPERM", "permission denied"],
  ["EROFS", "the file system is read-only"],
  ["ELOOP", "too many symbolic links"],
  ["ENAMETOOLONG", "the name is too long"],
] as const;
