/** A directory of files that are secrets: nothing outside of it is read, whatever a path or a link says. */
import { constants } from "node:fs";
import { access, realpath, stat } from "node:fs/promises";
import { join, sep } from "node:path";
import { readFault, readStoredFile } from "../lib/namedFile.ts";
import { DsoError, hasCode } from "../model/errors.ts";

/** The directory itself, its links followed; rejects with `provider-unreachable` where it is not there. */
export async function baseOf(name: string, directory: string): Promise<string> {
  try {
    return await realpath(directory);
  } catch (cause) {
    throw new DsoError("provider-unreachable", `provider "${name}": ${directory} ${why(cause)}`, {
      hint: `Make it, or correct providers.${name}.path in dso.yaml.`,
      cause,
    });
  }
}

/** The file that a path means, its links followed; rejects where that lies elsewhere, or may not be read. */
export async function locate(base: string, path: string): Promise<string> {
  const asked = join(base, path);
  try {
    const file = await realpath(asked);
    if (file.startsWith(base + sep)) {
      await access(file, constants.R_OK);
      if (!(await stat(file)).isDirectory()) return file;
      throw new DsoError("secret-denied", `${asked} is a directory`, {
        hint: "Name a file of it.",
      });
    }
  } catch (cause) {
    throw cause instanceof DsoError ? cause : faulty(asked, cause);
  }
  throw new DsoError("secret-denied", `${asked} leads out of ${base}`, {
    hint: "Put the file itself there.",
  });
}

export async function readWithin(base: string, path: string): Promise<Buffer> {
  const file = await locate(base, path);
  try {
    return readStoredFile(file);
  } catch (cause) {
    throw faulty(file, cause);
  }
}

/** Whoever puts another link in a link's place may have taken away between two steps what it led to. */
export async function twice<T>(look: () => Promise<T>): Promise<T> {
  return look().catch((error: unknown) => {
    if (error instanceof DsoError && error.code === "secret-missing") return look();
    throw error;
  });
}

/** Only what is not there is missing. */
function faulty(file: string, cause: unknown): DsoError {
  const isMissing = hasCode(cause, "ENOENT", "ENOTDIR");
  const isLarge = hasCode(cause, "EFBIG");
  const code = isMissing ? "secret-missing" : isLarge ? "secret-too-large" : "secret-denied";
  return new DsoError(code, `${file} ${why(cause)}`, { cause });
}

function why(cause: unknown): string {
  return readFault(cause) ?? "cannot be read";
}
