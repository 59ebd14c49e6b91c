/** The key of this host's fingerprints: without it nobody can try guesses on one. */
import { dirname, join } from "node:path";
import { DsoError, hasCode } from "../model/errors.ts";
import type { Random } from "../model/ports.ts";
import { createFileAtomic, ensurePrivateDirectory, readPrivateFile } from "../lib/files.ts";

const KEY_BYTES = 32;

/** Made when it is first needed. Of two processes that make it at once, both use the first one's. */
export async function fingerprintKey(stateDir: string, random: Random): Promise<Buffer> {
  const path = join(stateDir, "fingerprint.key");
  const found = await readPrivateFile(path);
  if (found !== undefined) return checked(path, found);
  const made = Buffer.from(random.hex(KEY_BYTES), "hex");
  ensurePrivateDirectory(dirname(path));
  try {
    await createFileAtomic(path, made);
    return made;
  } catch (error) {
    if (!hasCode(error, "EEXIST")) throw error;
    return fingerprintKey(stateDir, random);
  }
}

function checked(path: string, key: Buffer): Buffer {
  if (key.length === KEY_BYTES) return key;
  throw new DsoError("state-corrupt", `${path} is no key of ${KEY_BYTES} bytes`, {
    hint: "Remove it: with a new one, containers that hold host files, or secrets that are told by their value, are replaced once.",
  });
}
