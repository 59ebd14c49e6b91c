/**
 * A lock as it stands on the disk: a directory that holds one file, named after its
 * owner. Taking it renames a prepared directory onto the
 * path, which the system refuses unless nothing or an empty directory is there;
 * breaking it unlinks that one file. Both are single steps that only one process can
 * win, so two owners cannot be.
 */
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { DsoError, hasCode, parseJson } from "../model/errors.ts";
import { explainDisk } from "./files.ts";
import { identify, markOf, parseMark, type ProcessIdentity, userName } from "./process.ts";
import { abandonedIn, temporaryName } from "./temporary.ts";

export interface LockOwner extends ProcessIdentity {
  /** Random; names this one holding of the lock. */
  readonly id: string;
  readonly hostname: string;
  readonly operation: string;
  /** The user's name. */
  readonly who: string;
  /** ISO 8601. */
  readonly created: string;
}

const UNKNOWN: LockOwner = {
  id: "",
  pid: 0,
  bootId: "",
  pidNamespace: "",
  startTime: "",
  hostname: "unknown",
  operation: "unknown",
  who: "unknown",
  created: "unknown",
};

export function describeSelf(id: string, operation: string): LockOwner {
  return {
    id,
    ...identify(process.pid),
    hostname: hostname(),
    operation,
    who: userName(),
    created: new Date().toISOString(),
  };
}

/** A damaged record gives an owner that counts as living: only a person can judge it. */
export function parseOwner(id: string, text: string): LockOwner {
  const record = parseJson(text);
  return isOwner(record) ? { ...record, id } : { ...UNKNOWN, id };
}

function isOwner(record: unknown): record is LockOwner {
  if (typeof record !== "object" || record === null) return false;
  const fields = new Map<string, unknown>(Object.entries(record));
  return Object.entries(UNKNOWN).every(
    ([name, sample]) => typeof fields.get(name) === typeof sample,
  );
}

/** Who holds the lock, dead or alive; `undefined` when nobody does. */
export function inspectLock(path: string): LockOwner | undefined {
  const name = recordIn(path);
  if (name === undefined) return undefined;
  const [id, mark] = parseName(path, name);
  try {
    const owner = parseOwner(id, readFileSync(join(path, name), "utf8"));
    // Not synced, the text may be lost with the power that the name survives.
    return { ...owner, ...parseMark(mark) };
  } catch (error) {
    if (hasCode(error, "ENOENT")) return undefined;
    throw error;
  }
}

/** Takes the lock away from the owner of this id, and from no other; false when it was not the holder. */
export function breakLock(path: string, expectedId: string): boolean {
  const name = recordIn(path);
  if (name === undefined || parseName(path, name)[0] !== expectedId) return false;
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
  const prepared = temporaryName(path);
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
    throw explainDisk(path, error);
  }
}

/** Removes what processes that were killed before they had their lock had prepared in the directory, which is private. */
export function removePrepared(directory: string): void {
  for (const path of abandonedIn(directory)) rmSync(path, { recursive: true, force: true });
}

/** Where the owner's record is while it holds the lock. */
export function recordOf(path: string, owner: LockOwner): string {
  return join(path, `owner-${owner.id}.${markOf(owner)}`);
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

/** The id, and the mark of its process. */
function parseName(path: string, name: string): readonly [string, string] {
  const [, id, mark = ""] = /^owner-([^.]+)(?:\.(.*))?$/.exec(name) ?? [];
  if (id !== undefined) return [id, mark];
  throw new DsoError("state-corrupt", `${path} is to be a lock, but holds "${name}"`, {
    hint: "Move it away.",
  });
}
