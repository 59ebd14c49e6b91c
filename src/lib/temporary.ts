/** Files on their way into their place, named after the process that makes them. */
import { randomBytes } from "node:crypto";
import { lstatSync, readdirSync, unlinkSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { hasCode } from "../model/errors.ts";
import { identify, isGone, markOf, parseMark } from "./process.ts";

/** So long nobody takes to write a file. */
const FOREIGN_MS = 3_600_000;

/** See `temporaryName`. */
const TEMPORARY = /^\..*?\.(\d+\.\d*\.\d*\.[0-9a-f-]*)\.[0-9a-f]{12}\.tmp$/;

/** A name beside `path` for what is to take its place: it tells who makes it, and so whether it is abandoned. */
export function temporaryName(path: string): string {
  // Cut, so that a long name has room for the rest.
  const base = basename(path).slice(0, 40);
  const unique = `${markOf(identify(process.pid))}.${randomBytes(6).toString("hex")}`;
  return join(dirname(path), `.${base}.${unique}.tmp`);
}

/**
 * Removes the files that processes which run no more were about to put into their place in the
 * directory. Others may write there, too: never what lies deeper, and only where this user may.
 */
export function removeAbandoned(directory: string): void {
  for (const path of abandonedIn(directory)) {
    try {
      unlinkSync(path);
    } catch (error) {
      if (!hasCode(error, "ENOENT", "EISDIR", "EACCES", "EPERM", "EROFS")) throw error;
    }
  }
}

/** The paths in the directory that were made by processes which run no more, and have no place yet. */
export function abandonedIn(directory: string): readonly string[] {
  const self = identify(process.pid);
  return entriesOf(directory).flatMap((name) => {
    const [, mark = ""] = TEMPORARY.exec(name) ?? [];
    const writer = parseMark(mark);
    if (writer === undefined || !isGone(writer)) return [];
    const path = join(directory, name);
    // Of another boot, or of another machine that writes into the same directory now.
    return writer.bootId === self.bootId || ageMs(path) > FOREIGN_MS ? [path] : [];
  });
}

/** Since it was last written; of what is gone meanwhile, none. */
function ageMs(path: string): number {
  const found = lstatSync(path, { throwIfNoEntry: false });
  return found === undefined ? 0 : Date.now() - found.mtimeMs;
}

function entriesOf(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if (hasCode(error, "ENOENT", "ENOTDIR", "EACCES")) return [];
    throw error;
  }
}
