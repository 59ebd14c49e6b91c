import { dirname, join } from "node:path";
import { fingerprintHostValue, readHostContents } from "../apply/memory/hostContent.ts";
import {
  createFileAtomic,
  ensurePrivateDirectory,
  hasCode,
  readPrivateFile,
} from "../lib/files.ts";
import type { DesiredService } from "../model/desired.ts";
import { DsoError } from "../model/errors.ts";
import type { Versions } from "../model/version.ts";
import type { Context } from "./context.ts";

const KEY_BYTES = 32;

/**
 * A fingerprint of each file and variable of this host that the services are given.
 * Rejects with what cannot be read. What is delivered is read again by apply: a
 * change in between is delivered under the older fingerprint, and the next plan
 * delivers it once more; a change is never missed.
 */
export async function hostVersions(
  { paths, random, environment }: Pick<Context, "paths" | "random" | "environment">,
  services: ReadonlyMap<string, DesiredService>,
): Promise<Versions> {
  const contents = readHostContents([...services.values()], environment);
  try {
    if (contents.length === 0) return new Map();
    const key = await fingerprintKey(join(paths.stateDir, "fingerprint.key"), random);
    return new Map(contents.map((one) => [one.name, fingerprintHostValue(key, one)]));
  } finally {
    for (const { value } of contents) value.drop();
  }
}

/** Made when it is first needed. Of two processes that make it at once, both use the first one's. */
async function fingerprintKey(path: string, random: Context["random"]): Promise<Buffer> {
  const found = await readPrivateFile(path);
  if (found !== undefined) return checked(path, found);
  const made = Buffer.from(random.hex(KEY_BYTES), "hex");
  ensurePrivateDirectory(dirname(path));
  try {
    await createFileAtomic(path, made);
    return made;
  } catch (error) {
    if (!hasCode(error, "EEXIST")) throw error;
    return fingerprintKey(path, random);
  }
}

function checked(path: string, key: Buffer): Buffer {
  if (key.length === KEY_BYTES) return key;
  throw new DsoError("state-corrupt", `${path} is no key of ${KEY_BYTES} bytes`, {
    hint: "Remove it: with a new one, containers that hold host files are replaced once.",
  });
}
