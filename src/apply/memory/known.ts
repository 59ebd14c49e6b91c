/** What a container was given, from its memory directory: for whoever takes it out of what it says. */
import { readdirSync } from "node:fs";
import { readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { writeNew } from "../../lib/files.ts";
import { hasCode } from "../../model/errors.ts";
import { Secret } from "../../model/secret.ts";

/** Each value with its length before it, four bytes: a value may hold every byte. */
const LENGTH_BYTES = 4;

function partsPath(generation: string): string {
  return join(generation, "parts");
}

/** Adds them to those that are there, each once: what was delivered before may still be said. */
export async function addParts(generation: string, parts: readonly Secret[]): Promise<void> {
  if (parts.length === 0) return;
  const path = partsPath(generation);
  const before = splitParts((await readIfThere(path)) ?? Buffer.alloc(0));
  const all = [...before, ...parts];
  const distinct = all.filter((one, at) => all.findIndex((other) => other.equals(one)) === at);
  const entries = distinct.flatMap((part) => {
    const length = Buffer.alloc(LENGTH_BYTES);
    length.writeUInt32BE(part.byteLength);
    return [length, part.reveal()];
  });
  const bytes = Buffer.concat(entries);
  try {
    await rm(`${path}.new`, { force: true });
    await writeNew(`${path}.new`, bytes);
    await rename(`${path}.new`, path);
  } finally {
    bytes.fill(0);
    for (const one of before) one.drop();
  }
}

/** Also of versions before; what is not there, or was removed meanwhile, is left out. */
export async function readKnown(generation: string): Promise<readonly Secret[]> {
  const found: Secret[] = [];
  for (const path of filesOf(generation)) {
    const bytes = await readIfThere(path);
    if (bytes !== undefined) found.push(new Secret(bytes));
  }
  const parts = await readIfThere(partsPath(generation));
  if (parts !== undefined) found.push(...splitParts(parts));
  return found.filter(({ byteLength }) => byteLength > 0);
}

function filesOf(generation: string): readonly string[] {
  return ["files", "single"].flatMap((name) => {
    const directory = join(generation, name);
    try {
      const entries = readdirSync(directory, { recursive: true, withFileTypes: true });
      return entries
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name));
    } catch (error) {
      if (hasCode(error, "ENOENT", "ENOTDIR")) return [];
      throw error;
    }
  });
}

function splitParts(bytes: Buffer): readonly Secret[] {
  const found: Secret[] = [];
  for (let at = 0; at + LENGTH_BYTES <= bytes.length;) {
    const end = at + LENGTH_BYTES + bytes.readUInt32BE(at);
    found.push(new Secret(Buffer.from(bytes.subarray(at + LENGTH_BYTES, end))));
    at = end;
  }
  bytes.fill(0);
  return found;
}

async function readIfThere(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    if (hasCode(error, "ENOENT", "ENOTDIR")) return undefined;
    throw error;
  }
}
