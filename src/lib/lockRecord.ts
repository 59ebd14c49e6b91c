/**
 * A lock as it stands on the disk: a directory that holds one file, named after its
 * owner and the boot it lives in. Taking it renames a prepared directory onto the
 * path, which the system refuses unless nothing or an empty directory is there;
 * breaking it unlinks that one file. Both are single steps that only one process can
 * win, so two owners cannot be.
 */
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { DsoError } from "../model/errors.ts";
import { explainDisk, hasCode } from "./files.ts";
import { isGone, type LockOwner, parseOwner } from "./lockOwner.ts";

/** Who holds the lock, dead or alive; `undefined` when nobody does. */
export function inspectLock(path: string): LockOwner | undefined {
  const name = recordIn(path);
  if (name === undefined) return undefined;
  const { id, bootId } = parseName(path, name);
  try {
    const owner = parseOwner(id, readFileSync(join(path, name), "utf8"));
    // Not synced, the text may be lost with the power that the name survives.
    return owner.bootId === "" ? { ...owner, bootId } : owner;
  } catch (error) {
    if (hasCode(error, "ENOENT")) return undefined;
    throw error;
  }
}

/** Takes the lock away from the owner of this id, and from no other; false when it was not the holder. */
export function breakLock(path: string, expectedId: string): boolean {
  const name = recordIn(path);
  if (name === undefined || parseName(path, name).id !== expectedId) return false;
  try {
    unlinkSync(join(path, name));
  } catch (error) {
    if (hasCode(error, "ENOENT")) return false;
    throw error;
  }
  removeEmpty(path);
  return true;
}

/** False where somebody has the lock. */
export function publish(path: string, owner: LockOwner): boolean {
  const prepared = `${path}.${owner.id}.tmp`;
  try {
    mkdirSync(prepared, { mode: 0o700 });
    const text = JSON.stringify(owner);
    // Not synced: no lock outlives the boot.
    writeFileSync(recordOf(prepared, owner), text, { flag: "wx", mode: 0o600 });
    renameSync(prepared, path);
    return true;
  } catch (error) {
    rmSync(prepared, { recursive: true, force: true });
    if (hasCode(error, "ENOTEMPTY", "EEXIST")) return false;
    // Tidied away while it was empty, by somebody who could not tell whose it is.
    if (hasCode(error, "ENOENT") && existsSync(dirname(path))) return false;
    throw explainDisk(path, error);
  }
}

/** Removes what processes had prepared in the directory that were killed before they had their lock. */
export function removePrepared(directory: string): void {
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    if (!entry.isDirectory() || !/\.[0-9a-f]{16}\.tmp$/.test(entry.name)) continue;
    const prepared = join(directory, entry.name);
    const owner = inspectLock(prepared);
    if (owner === undefined) removeEmpty(prepared);
    else if (isGone(owner)) breakLock(prepared, owner.id);
  }
}

/** Where the owner's record is while it holds the lock. */
export function recordOf(path: string, { id, bootId }: LockOwner): string {
  return join(path, `owner-${id}.${bootId}`);
}

function removeEmpty(path: string): void {
  try {
    rmdirSync(path);
  } catch (error) {
    // Somebody took it meanwhile, or tidied it away.
    if (!hasCode(error, "ENOTEMPTY", "EEXIST", "ENOENT")) throw error;
  }
}

function recordIn(path: string): string | undefined {
  try {
    return readdirSync(path)[0];
  } catch (error) {
    if (hasCode(error, "ENOENT")) return undefined;
    throw error;
  }
}

function parseName(path: string, name: string): Pick<LockOwner, "id" | "bootId"> {
  const [, id = "", bootId = ""] = /^owner-([^.]*)(?:\.(.*))?$/.exec(name) ?? [];
  if (id !== "") return { id, bootId };
  throw new DsoError("state-corrupt", `${path} is to be a lock, but holds "${name}"`, {
    hint: "Move it away.",
  });
}
