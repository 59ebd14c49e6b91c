import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { once } from "node:events";
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { ensurePrivateDirectory, hasCode, writeFileAtomic } from "../../lib/files.ts";
import type { Shim } from "../../model/delivery.ts";
import { DsoError } from "../../model/errors.ts";

export interface ShimOptions {
  /** Where the release has `shim-amd64` and `shim-arm64`; what is missing was not built. */
  readonly release: string;
  /** Where it is put, to stay when the release goes: containers that were made with it start again. */
  readonly directory: string;
}

const MODE = 0o755;
/** Its answer when it is started without a program. */
const NOTHING_TO_RUN = 126;
/** As the engine names architectures, by Node's names. */
const ARCHITECTURES: Readonly<Record<string, string>> = { x64: "amd64", arm64: "arm64" };

export function createShim({ release, directory }: ShimOptions): Shim {
  const name = `shim-${ARCHITECTURES[process.arch] ?? process.arch}`;
  const source = join(release, name);
  let placed: Promise<string> | undefined;
  return {
    has: () => existsSync(source),
    place() {
      placed ??= place(source, directory, name).catch((error: unknown) => {
        placed = undefined;
        throw error;
      });
      return placed;
    },
  };
}

/** Named by its content: two releases do not overwrite what the other's containers run. */
async function place(source: string, directory: string, name: string): Promise<string> {
  const bytes = await readFile(source);
  const hash = createHash("sha256").update(bytes).digest("hex");
  const path = join(directory, `${name}-${hash.slice(0, 16)}`);
  if (!(await isThere(path, bytes))) {
    ensurePrivateDirectory(directory);
    await writeFileAtomic(path, bytes, { mode: MODE });
  }
  await refuseUnusable(path);
  return path;
}

async function isThere(path: string, bytes: Buffer): Promise<boolean> {
  try {
    const { mode } = await stat(path);
    return (mode & 0o777) === MODE && (await readFile(path)).equals(bytes);
  } catch (error) {
    if (hasCode(error, "ENOENT")) return false;
    throw error;
  }
}

/** On a file system without the right to execute, no container that binds it would start. */
async function refuseUnusable(path: string): Promise<void> {
  const child = spawn(path, [], { stdio: "ignore" });
  const [code] = await Promise.race([
    once(child, "close") as Promise<[number | null]>,
    new Promise<[null]>((resolve) => child.on("error", () => resolve([null]))),
  ]);
  if (code === NOTHING_TO_RUN) return;
  throw new DsoError("shim-unusable", `${path} cannot be run, and no container could`, {
    hint: "DSO_HOME must be on a file system that allows to run programs (not noexec); or choose env: exposed.",
  });
}
