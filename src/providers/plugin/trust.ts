/** What is run: nobody but root and the user of dso may have written it, or can put another in its place. */
import { lstatSync, type Stats } from "node:fs";
import { join, sep } from "node:path";
import { hasCode } from "../../model/errors.ts";

/** What is wrong with one part of a path, and what to do about it. */
export interface Distrust {
  /** To stand after the path. */
  readonly path: string;
  readonly what: string;
  readonly hint: string;
  /** Nothing of that name is there. */
  readonly missing?: boolean;
}

const WRITE_BY_OTHERS = 0o022;
const STICKY = 0o1000;

/**
 * Looks at every directory from the root to `path` itself; undefined where all of them can be trusted.
 * `user` undefined: whoever runs dso.
 */
export function distrustOf(path: string, user = process.geteuid?.() ?? 0): Distrust | undefined {
  const names = path.split(sep).filter(Boolean);
  const parts = names.map((_, index) => join(sep, ...names.slice(0, index + 1)));
  for (const part of [sep, ...parts]) {
    const found = distrustOfDirectory(part, part === parts.at(-1), user);
    if (found !== undefined) return found;
  }
  return undefined;
}

function distrustOfDirectory(path: string, isLast: boolean, user: number): Distrust | undefined {
  const stat = look(path);
  if (stat === undefined) {
    return { path, what: "does not exist", hint: "Make it, as root.", missing: true };
  }
  if (stat.isSymbolicLink()) {
    return { path, what: "is a symbolic link", hint: "Name the real directory." };
  }
  if (!stat.isDirectory()) return { path, what: "is no directory", hint: "Move it away." };
  // In a directory such as /tmp nobody can touch what is another's.
  const isShared = !isLast && (stat.mode & STICKY) !== 0;
  return distrustOfOwner(path, stat, user, isShared);
}

/** Of a file that is open already, so that it is no other one later. */
export function distrustOfFile(
  path: string,
  stat: Stats,
  user = process.geteuid?.() ?? 0,
): Distrust | undefined {
  if (!stat.isFile()) return { path, what: "is no regular file", hint: "Move it away." };
  return distrustOfOwner(path, stat, user, false);
}

function distrustOfOwner(
  path: string,
  { uid, mode }: Stats,
  user: number,
  isShared: boolean,
): Distrust | undefined {
  if (uid !== 0 && uid !== user) {
    return { path, what: `belongs to user ${uid}`, hint: `Run: chown root ${path}` };
  }
  if (isShared || (mode & WRITE_BY_OTHERS) === 0) return undefined;
  const shown = (mode & 0o7777).toString(8).padStart(4, "0");
  const what = `may be written by others (mode ${shown})`;
  return { path, what, hint: `Run: chmod go-w ${path}` };
}

function look(path: string): Stats | undefined {
  try {
    return lstatSync(path);
  } catch (error) {
    if (hasCode(error, "ENOENT", "ENOTDIR", "EACCES")) return undefined;
    throw error;
  }
}
