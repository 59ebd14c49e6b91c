import {
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  fsync,
  mkdirSync,
  openSync,
  readSync,
  renameSync,
  type Stats,
  writeFileSync,
} from "node:fs";
import { link, unlink } from "node:fs/promises";
import { dirname } from "node:path";
import { promisify } from "node:util";
import { DsoError, hasCode } from "../model/errors.ts";
import { removeAbandoned, temporaryName } from "./temporary.ts";

const { O_CREAT, O_DIRECTORY, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_WRONLY } = constants;
const synchronize = promisify(fsync);
const OTHERS = 0o077;
const ELSEWHERE = "Run dso as the user that owns it, or set DSO_HOME to a directory of your own.";

export interface WriteOptions {
  /** Default 0o600. */
  readonly mode?: number;
  /** Asked when all is written and only the rename is left; a rejection leaves the old file. */
  readonly beforeReplace?: () => Promise<void>;
}

/**
 * Replaces the file as a whole: a reader, and a machine that loses power, sees the
 * old content or the new, never a part. Rejects with `disk-full` where there is no
 * room; the old file is then as it was.
 */
export async function writeFileAtomic(
  path: string,
  data: Uint8Array | string,
  options: WriteOptions = {},
): Promise<void> {
  removeAbandoned(dirname(path));
  const temporary = temporaryName(path);
  try {
    await writeNew(temporary, data, options.mode);
    await options.beforeReplace?.();
    renameSync(temporary, path);
  } catch (error) {
    await unlink(temporary).catch(ignoreMissing);
    throw explainDisk(path, error);
  }
  await syncDirectory(path);
}

/**
 * As `writeFileAtomic`, but never in place of another file: of several writers the
 * first one's stays. Rejects with the system's own error (`EEXIST`), that file then
 * being whole and untouched.
 */
export async function createFileAtomic(path: string, data: Uint8Array | string): Promise<void> {
  removeAbandoned(dirname(path));
  const temporary = temporaryName(path);
  try {
    await writeNew(temporary, data);
    await link(temporary, path).catch(async (error: unknown) => {
      if (!hasCode(error, "EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS")) throw error;
      // A file system without second names.
      await writeNew(path, data);
    });
  } catch (error) {
    throw explainDisk(path, error);
  } finally {
    await unlink(temporary).catch(ignoreMissing);
  }
  await syncDirectory(path);
}

/**
 * Creates the file and fails if anything of that name exists. Rejects with the
 * system's own error (`EEXIST`), the file then being untouched.
 */
export async function writeNew(
  path: string,
  data: Uint8Array | string,
  mode = 0o600,
): Promise<void> {
  // Only what waits for the disk is done on another thread: a journal has a dozen short steps for each write.
  const file = openSync(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode);
  try {
    writeFileSync(file, data);
    fchmodSync(file, mode);
    await synchronize(file);
  } finally {
    closeSync(file);
  }
}

/** Makes the creation of a file last, or that it was renamed. */
async function syncDirectory(path: string): Promise<void> {
  const directory = openSync(dirname(path), O_RDONLY | O_DIRECTORY);
  try {
    await synchronize(directory);
  } catch (error) {
    throw explainDisk(path, error);
  } finally {
    closeSync(directory);
  }
}

/**
 * The content of a file that only its owner may touch, or `undefined` where there
 * is none. Rejects with `state-corrupt` for a symbolic link, for anything but a
 * regular file, for one that belongs to somebody else or that others may read, and,
 * before any of it is read, for one of more than `maxBytes`.
 */
export async function readPrivateFile(
  path: string,
  maxBytes = Infinity,
): Promise<Buffer | undefined> {
  // A plan reads one for each container. They are small and local: handing each step to another
  // thread takes several times as long as the steps.
  const file = openPrivate(path);
  if (file === undefined) return undefined;
  try {
    const stat = fstatSync(file);
    refuseUnsafeFile(path, stat);
    if (stat.size > maxBytes) throw tooLarge(path, stat.size, maxBytes);
    return readWhole(file, stat.size);
  } finally {
    closeSync(file);
  }
}

/** In one call where nobody writes to it meanwhile, which nobody does: files are replaced as a whole. */
function readWhole(file: number, size: number): Buffer {
  const bytes = Buffer.alloc(size);
  let length = 0;
  for (let count = -1; count !== 0 && length < size; length += count) {
    count = readSync(file, bytes, length, size - length, null);
  }
  return bytes.subarray(0, length);
}

/**
 * Creates the directory (and its parents) for its owner alone, or takes bits away
 * that let others in. Throws `state-corrupt` where it is a symbolic link, no
 * directory, or somebody else's.
 */
export function ensurePrivateDirectory(path: string, mode = 0o700): void {
  makeDirectories(path, mode);
  const directory = openDirectory(path);
  try {
    const stat = fstatSync(directory);
    if (!isTrusted(stat)) throw unsafe(path, `belongs to user ${stat.uid}`, "Choose another one.");
    const extra = stat.mode & 0o777 & ~mode;
    if (extra !== 0 && stat.uid === process.geteuid?.()) {
      fchmodSync(directory, stat.mode & 0o7777 & ~extra);
    }
  } finally {
    closeSync(directory);
  }
}

function makeDirectories(path: string, mode: number): void {
  try {
    mkdirSync(path, { recursive: true, mode });
  } catch (error) {
    // A dangling link or a file in its place: opening it says which.
    if (!hasCode(error, "EEXIST")) throw explainDisk(path, error);
  }
}

function openPrivate(path: string): number | undefined {
  try {
    // O_NONBLOCK: a planted FIFO must not hold us for ever.
    return openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  } catch (error) {
    if (hasCode(error, "ENOENT")) return undefined;
    if (hasCode(error, "ELOOP")) throw isLink(path);
    throw explainDisk(path, error);
  }
}

function openDirectory(path: string): number {
  try {
    return openSync(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  } catch (error) {
    if (hasCode(error, "ELOOP")) throw isLink(path);
    // Linux answers so for a link that O_NOFOLLOW meets under O_DIRECTORY, too.
    if (hasCode(error, "ENOTDIR")) throw unsafe(path, "is no directory", "Move it away.");
    throw explainDisk(path, error);
  }
}

function refuseUnsafeFile(path: string, stat: Stats): void {
  if (!stat.isFile()) throw unsafe(path, "is no regular file", "Move it away.");
  if (!isTrusted(stat))
    throw unsafe(
      path,
      `belongs to user ${stat.uid}`,
      `Run dso as that user, or give it to yourself: chown ${process.geteuid?.() ?? "USER"} ${path}`,
    );
  if ((stat.mode & OTHERS) !== 0) {
    const mode = (stat.mode & 0o777).toString(8).padStart(4, "0");
    throw unsafe(path, `is open to others (mode ${mode})`, `Run: chmod 600 ${path}`);
  }
}

/** Ours or root's: nobody else could have written it. */
function isTrusted(stat: Stats): boolean {
  return stat.uid === 0 || stat.uid === process.geteuid?.();
}

function isLink(path: string): DsoError {
  return unsafe(path, "is a symbolic link", "Name the real path instead.");
}

function tooLarge(path: string, size: number, maxBytes: number): DsoError {
  const fault = `has ${size} bytes, and at most ${maxBytes} are read`;
  return unsafe(path, fault, "Look whether it is the file that you mean.");
}

function unsafe(path: string, fault: string, hint: string): DsoError {
  return new DsoError("state-corrupt", `${path} ${fault}`, { hint });
}

/**
 * What a person can do something about in their words: `disk-full` where there is no
 * room, `state-corrupt` where this user may not write or read. Any other error as it is.
 */
export function explainDisk(path: string, error: unknown): unknown {
  if (hasCode(error, "EROFS")) {
    return unsafe(path, "is on a file system that is read-only", ELSEWHERE);
  }
  // So answers a recursive mkdir on a read-only file system, too.
  if (hasCode(error, "ENOENT")) {
    return unsafe(path, "cannot be made: a directory above it is missing or read-only", ELSEWHERE);
  }
  if (hasCode(error, "EACCES", "EPERM")) {
    return unsafe(path, "may not be read or written by this user", ELSEWHERE);
  }
  if (!hasCode(error, "ENOSPC", "EDQUOT")) return error;
  return new DsoError("disk-full", `no room to write ${path}`, {
    hint: "Free some space, and run the command again; the file is as it was.",
    cause: error,
  });
}

/** Nothing is there to remove; on a read-only file system there never was. */
function ignoreMissing(error: unknown): void {
  if (!hasCode(error, "ENOENT", "EROFS")) throw error;
}
