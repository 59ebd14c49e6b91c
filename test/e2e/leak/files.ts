import { type Stats, statSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { hasCode } from "../../../src/model/errors.ts";

/**
 * Every file below a directory; other file systems, such as that of the memory, are left out, and what
 * goes away meanwhile.
 */
export async function filesBelow(
  directory: string,
  device = statOf(directory)?.dev,
): Promise<readonly string[]> {
  const entries = await readdir(directory, { withFileTypes: true });
  const nested = entries.map(async (entry) => {
    const path = join(directory, entry.name);
    if (entry.isFile()) return [path];
    if (!entry.isDirectory() || statOf(path)?.dev !== device) return [];
    return filesBelow(path, device).catch(goneMeanwhile);
  });
  return (await Promise.all(nested)).flat();
}

function goneMeanwhile(error: unknown): readonly string[] {
  if (hasCode(error, "ENOENT")) return [];
  throw error;
}

function statOf(directory: string): Stats | undefined {
  return statSync(directory, { throwIfNoEntry: false });
}
