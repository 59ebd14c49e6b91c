import { linkSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import {
  ensurePrivateDirectory,
  explainDisk,
  readPrivateFile,
  writeFileAtomic,
} from "../../lib/files.ts";
import { DsoError, hasCode } from "../../model/errors.ts";

/** One JSON document on disk that outlives a kill at any moment. */
export interface StateFile<T> {
  /** `empty` when the file does not exist; rejects with `state-corrupt` when it is not what we wrote. */
  read(): Promise<T>;
  /** Reads, changes and writes; calls of one process are done one after the other. */
  update(change: (current: T) => T): Promise<T>;
}

export interface StateFileOptions<T> {
  readonly path: string;
  readonly empty: T;
  /** Throws when the document is not of the expected shape. */
  readonly parse: (document: unknown) => T;
}

/** Other processes are kept out by the project's lock, not here. */
export function createStateFile<T>(options: StateFileOptions<T>): StateFile<T> {
  let last: Promise<unknown> = Promise.resolve();
  return {
    read: () => readState(options),
    update(change) {
      const next = last.then(async () => {
        const changed = change(await readState(options));
        await writeState(options.path, changed);
        return changed;
      });
      // The caller hears of a failure; the next in line only waits for its end.
      last = next.catch(() => undefined);
      return next;
    },
  };
}

async function readState<T>({ path, empty, parse }: StateFileOptions<T>): Promise<T> {
  const bytes = await readPrivateFile(path);
  if (bytes === undefined) return empty;
  try {
    return parse(JSON.parse(bytes.toString("utf8")));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new DsoError("state-corrupt", `${path} is damaged: ${reason}`, {
      hint: `The version before it is ${backupOf(path)}. Compare the two, then put the good one in place.`,
      cause: error,
    });
  }
}

async function writeState(path: string, document: unknown): Promise<void> {
  ensurePrivateDirectory(dirname(path));
  keepBackup(path);
  await writeFileAtomic(path, `${JSON.stringify(document, undefined, 2)}\n`);
}

function keepBackup(path: string): void {
  rmSync(backupOf(path), { force: true });
  try {
    linkSync(path, backupOf(path));
  } catch (error) {
    if (!hasCode(error, "ENOENT")) throw explainDisk(path, error);
  }
}

function backupOf(path: string): string {
  return `${path}.bak`;
}
