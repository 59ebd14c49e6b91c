/** Values of leases in memory: one directory for each, which is its owner's alone. */
import { existsSync } from "node:fs";
import { open, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { ensurePrivateDirectory, readPrivateFile, writeFileAtomic } from "../../lib/files.ts";
import { hasCode } from "../../model/errors.ts";
import { Secret } from "../../model/secret.ts";
import type { Kept, Part } from "./store.ts";

/** Before each name and each value, its length: both may hold every byte. */
const LENGTH_BYTES = 4;

export function has(directory: string, part: Part): boolean {
  return existsSync(join(directory, part));
}

export async function keep(directory: string, part: Part, values: Kept): Promise<void> {
  ensurePrivateDirectory(directory);
  const bytes = encode(values);
  try {
    await writeFileAtomic(join(directory, part), bytes);
  } finally {
    bytes.fill(0);
  }
}

export async function kept(directory: string, part: Part): Promise<Kept | undefined> {
  const bytes = await readPrivateFile(join(directory, part));
  if (bytes === undefined) return undefined;
  const values = decode(bytes);
  bytes.fill(0);
  return values;
}

/** What is gone already is fine. */
export async function erase(directory: string): Promise<void> {
  const names = await readdir(directory).catch((error: unknown) => {
    if (hasCode(error, "ENOENT")) return [];
    throw error;
  });
  for (const name of names) {
    const file = await open(join(directory, name), "r+");
    try {
      const { size } = await file.stat();
      await file.write(Buffer.alloc(size), 0, size, 0);
    } finally {
      await file.close();
    }
  }
  await rm(directory, { recursive: true, force: true });
}

function encode(values: Kept): Buffer {
  const parts = [...values].flatMap(([name, value]) => [
    ...withLength(Buffer.from(name)),
    ...withLength(value.reveal()),
  ]);
  return Buffer.concat(parts);
}

function withLength(bytes: Buffer): readonly Buffer[] {
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeUInt32BE(bytes.length);
  return [length, bytes];
}

function decode(bytes: Buffer): Kept {
  const found: Buffer[] = [];
  for (let at = 0; at + LENGTH_BYTES <= bytes.length;) {
    const end = at + LENGTH_BYTES + bytes.readUInt32BE(at);
    found.push(Buffer.from(bytes.subarray(at + LENGTH_BYTES, end)));
    at = end;
  }
  const values = new Map<string, Secret>();
  for (let at = 0; at + 1 < found.length; at += 2) {
    values.set((found[at] as Buffer).toString(), new Secret(found[at + 1] as Buffer));
  }
  return values;
}
