import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { lstat, readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { ensurePrivateDirectory, writeFileAtomic } from "../../lib/files.ts";
import type { Shim } from "../../model/delivery.ts";
import { DsoError, hasCode } from "../../model/errors.ts";

export interface ShimOptions {
  /** Where the release has `shim-amd64` and `shim-arm64`; what is missing was not built. */
  readonly release: string;
  /** Where it is put, to stay when the release goes: containers that were made with it start again. */
  readonly directory: string;
}

const MODE = 0o755;
/** Its answer when it is started without a program, which begins in this way. */
const NOTHING_TO_RUN = 126;
const OUR_WORD = "dso: ";
/** It answers at once, or is not what it should be. */
const ANSWER_MS = 5000;
const run = promisify(execFile);
/** As the engine names architectures, by Node's names. */
const ARCHITECTURES: Readonly<Record<string, string>> = { x64: "amd64", arm64: "arm64" };

export function createShim({ release, directory }: ShimOptions): Shim {
  const name = `shim-${ARCHITECTURES[process.arch] ?? process.arch}`;
  const source = join(release, name);
  let proven: string | undefined;
  let placing: Promise<string> | undefined;
  // An agent lives long, and its copy may be damaged meanwhile: it is looked at each time.
  const place = async (): Promise<string> => {
    const path = await copy(source, directory, name);
    if (path !== proven) await refuseUnusable(path);
    proven = path;
    return path;
  };
  return {
    has: () => existsSync(source),
    isThere: (path) => existsSync(path),
    place() {
      placing ??= place().finally(() => (placing = undefined));
      return placing;
    },
  };
}

/** Named by its content: two releases do not overwrite what the other's containers run. */
async function copy(source: string, directory: string, name: string): Promise<string> {
  const bytes = await readFile(source).catch((cause: unknown) => {
    const hint = "Install it anew, and run the command again.";
    throw new DsoError("shim-unusable", `${source} of this release is gone`, { hint, cause });
  });
  const hash = createHash("sha256").update(bytes).digest("hex");
  const path = join(directory, `${name}-${hash.slice(0, 16)}`);
  if (!(await isThere(path, bytes))) {
    ensurePrivateDirectory(directory);
    await writeFileAtomic(path, bytes, { mode: MODE });
  }
  return path;
}

async function isThere(path: string, bytes: Buffer): Promise<boolean> {
  try {
    const { mode } = await lstat(path);
    return (mode & 0o777) === MODE && (await readFile(path)).equals(bytes);
  } catch (error) {
    if (hasCode(error, "ENOENT")) return false;
    throw error;
  }
}

/** On a file system without the right to execute, no container that binds it would start. */
async function refuseUnusable(path: string): Promise<void> {
  let cause: unknown = {};
  try {
    await run(path, [], { env: {}, timeout: ANSWER_MS });
  } catch (error) {
    cause = error;
  }
  const { code, stderr } = cause as { readonly code?: unknown; readonly stderr?: unknown };
  // What the kernel does not run, Node gives to a shell, which may answer with the same code.
  if (code === NOTHING_TO_RUN && String(stderr).startsWith(OUR_WORD)) return;
  throw new DsoError("shim-unusable", `${path} cannot be run, and no container could`, {
    hint: "DSO_HOME must be on a file system that allows to run programs (not noexec); or choose env: exposed.",
    cause,
  });
}
