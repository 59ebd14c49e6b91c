/** Which file a path means: the one of that name, or the only one with an ending that says how it is encrypted. */
import { stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { DsoError, hasCode } from "../../model/errors.ts";
import { readWithin, twice } from "../directory.ts";

const ENDINGS = [".age", ".yaml", ".yml", ".json", ".env"];

export interface EncryptedFile {
  /** For messages: absolute, as it was asked for. */
  readonly file: string;
  readonly bytes: Buffer;
}

/** Rejects with `secret-missing`, or with `secret-denied` where several files are meant or a link leads elsewhere. */
export async function readEncrypted(base: string, path: string): Promise<EncryptedFile> {
  return twice(async () => {
    const found = await find(base, path);
    return { file: join(base, found), bytes: await readWithin(base, found) };
  });
}

async function find(base: string, path: string): Promise<string> {
  if (await mayBeFile(join(base, path), "ENOENT", "ENOTDIR")) return path;
  const names = ENDINGS.map((ending) => path + ending);
  const looks = names.map((name) =>
    mayBeFile(join(base, name), "ENOENT", "ENOTDIR", "ENAMETOOLONG"),
  );
  const there = await Promise.all(looks);
  const [only, ...more] = names.filter((_, index) => there[index]);
  const asked = join(base, path);
  if (only === undefined) {
    throw new DsoError("secret-missing", `${asked} does not exist, with or without an ending`, {
      hint: `Encrypt it to ${basename(path)}.age, or with SOPS to ${basename(path)}.yaml.`,
    });
  }
  if (more.length === 0) return only;
  const list = [only, ...more].map((name) => basename(name)).join(", ");
  throw new DsoError("secret-denied", `${asked} may be any of ${list}`, {
    hint: `Write the whole name in the reference, for example ${only}.`,
  });
}

/** Whatever else is wrong with it is told by who reads it. */
async function mayBeFile(file: string, ...absent: readonly string[]): Promise<boolean> {
  try {
    return !(await stat(file)).isDirectory();
  } catch (error) {
    return !hasCode(error, ...absent);
  }
}
