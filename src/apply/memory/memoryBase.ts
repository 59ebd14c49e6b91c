import { chmod, lstat, mkdir, readFile, statfs } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { DsoError, hasCode } from "../../model/errors.ts";

const TMPFS_MAGIC = 0x01021994;
const RAMFS_MAGIC = 0x858458f6;
const OPTIONS = "mode=0700,nosuid,nodev,noexec";

export interface MemoryOptions {
  readonly uid: number;
  /** Where it has to be. For root our own file system is mounted there. */
  readonly base?: string;
  /** `$XDG_RUNTIME_DIR`, for everybody else. */
  readonly runtimeDir?: string;
  readonly sharedMemoryDir?: string;
  /** Of the file system that root mounts. */
  readonly sizeMiB?: number;
  /** Replaces the `mount` program. */
  readonly mount?: (target: string, options: string) => Promise<void>;
}

/** A directory that is ours, in memory, and that nobody else can enter. */
export interface MemoryBase {
  readonly path: string;
  readonly warnings: readonly string[];
}

/** Finds or makes it. Rejects with `memory-unsafe`, saying which check failed. */
export async function openMemoryBase(
  options: MemoryOptions,
  signal: AbortSignal,
): Promise<MemoryBase> {
  const path = options.uid === 0 ? await rootBase(options, signal) : await userBase(options);
  return { path, warnings: [...(await swapWarnings(path)), ...ownerWarnings(options)] };
}

async function rootBase(options: MemoryOptions, signal: AbortSignal): Promise<string> {
  const path = options.base ?? "/run/dso/memory";
  await mkdir(dirname(path), { recursive: true, mode: 0o755 });
  await checkParents(path, options.uid);
  await makePrivate(path);
  if (!(await isOwnMount(path))) await mountLocked(path, options, signal);
  await checkBase(path, options.uid);
  return path;
}

/** Two processes that mount at once would hide each other's files. */
async function mountLocked(
  path: string,
  options: MemoryOptions,
  signal: AbortSignal,
): Promise<void> {
  const { acquireLock } = await import("../../lib/lock.ts");
  const lockPath = join(dirname(path), ".locks", "mount");
  const lock = await acquireLock(lockPath, { operation: "mount", timeoutMs: 10_000 }, signal);
  try {
    if (!(await isOwnMount(path))) await mount(path, options);
  } finally {
    await lock.release();
  }
}

async function mount(path: string, options: MemoryOptions): Promise<void> {
  const run = options.mount ?? mountProgram;
  const common = `size=${options.sizeMiB ?? 64}m,${OPTIONS}`;
  try {
    await run(path, `${common},noswap`);
  } catch {
    // Kernels before 6.4 do not know noswap; swapWarnings says so to the user.
    await run(path, common);
  }
}

async function mountProgram(target: string, options: string): Promise<void> {
  const { execFile } = await import("node:child_process");
  try {
    await promisify(execFile)("mount", ["-t", "tmpfs", "-o", options, "dso", target], {
      env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", LC_ALL: "C" },
    });
  } catch (error) {
    throw new DsoError("memory-unsafe", `cannot mount a memory file system at ${target}`, {
      hint: "Run as root with the right to mount, or as a user with $XDG_RUNTIME_DIR.",
      cause: error,
    });
  }
}

/** A mount of its own: `/run` may be memory already, but without our size, options and mode. */
async function isOwnMount(path: string): Promise<boolean> {
  const [own, parent] = await Promise.all([lstat(path), lstat(dirname(path))]);
  return own.dev !== parent.dev;
}

async function userBase(options: MemoryOptions): Promise<string> {
  const shared = options.sharedMemoryDir ?? "/dev/shm";
  // Somebody who names a place means that one and no other.
  const candidates =
    options.base === undefined
      ? [
          ...(options.runtimeDir === undefined ? [] : [join(options.runtimeDir, "dso")]),
          join(shared, `dso-${options.uid}`),
        ]
      : [options.base];
  const refusals: DsoError[] = [];
  for (const path of candidates) {
    try {
      await checkParents(path, options.uid);
      await makePrivate(path);
      await checkBase(path, options.uid);
      return path;
    } catch (error) {
      if (!(error instanceof DsoError)) throw error;
      refusals.push(error);
    }
  }
  throw new DsoError("memory-unsafe", "no private directory in memory was found for secret files", {
    hint: "Log in so that $XDG_RUNTIME_DIR exists, or run as root.",
    others: refusals,
  });
}

async function makePrivate(path: string): Promise<void> {
  try {
    await mkdir(path, { mode: 0o700 });
  } catch (error) {
    if (!hasCode(error, "EEXIST")) throw unsafe(path, "cannot be made", error);
  }
  // Before anything is mounted: a mount would follow a link and hide what is there.
  if (!(await lstat(path)).isDirectory()) throw unsafe(path, "is no directory");
}

async function checkBase(path: string, uid: number): Promise<void> {
  await checkMemory(path);
  const stat = await lstat(path);
  if (!stat.isDirectory()) throw unsafe(path, "is no directory");
  if (stat.uid !== uid) throw unsafe(path, `belongs to user ${stat.uid}, not to ${uid}`);
  if ((stat.mode & 0o077) !== 0) await chmod(path, 0o700);
}

async function checkMemory(path: string): Promise<void> {
  if (!(await isInMemory(path))) throw unsafe(path, "is on a disk, not in memory");
}

export async function isInMemory(path: string): Promise<boolean> {
  const { type } = await statfs(path);
  return type === TMPFS_MAGIC || type === RAMFS_MAGIC;
}

/** Whoever may change a parent could put a directory of their own in our place. */
async function checkParents(path: string, uid: number): Promise<void> {
  for (let at = dirname(path); ; at = dirname(at)) {
    const stat = await lstat(at).catch((error: unknown) => {
      throw unsafe(at, "cannot be looked at", error);
    });
    if (stat.isSymbolicLink()) throw unsafe(at, "is a symbolic link");
    if (!stat.isDirectory()) throw unsafe(at, "is no directory");
    if (stat.uid !== 0 && stat.uid !== uid) throw unsafe(at, `belongs to user ${stat.uid}`);
    const sticky = (stat.mode & 0o1000) !== 0;
    if ((stat.mode & 0o022) !== 0 && !sticky) throw unsafe(at, "may be written by others");
    if (at === dirname(at)) return;
  }
}

function unsafe(path: string, why: string, cause?: unknown): DsoError {
  return new DsoError("memory-unsafe", `secret files cannot be kept below ${path}: it ${why}`, {
    hint: "Secret values go to a memory-backed directory that only this user can change.",
    ...(cause === undefined ? {} : { cause }),
  });
}

async function swapWarnings(path: string): Promise<readonly string[]> {
  const [mounts, swaps] = await Promise.all([
    readFile("/proc/self/mountinfo", "utf8"),
    readFile("/proc/swaps", "utf8"),
  ]);
  if (neverSwaps(mounts, path)) return [];
  const devices = swaps
    .split("\n")
    .slice(1)
    .flatMap((line) => line.split(/\s/)[0] || []);
  return devices.length > 0
    ? [`secret files below ${path} may be written to swap (${devices.join(", ")})`]
    : [`secret files below ${path} could be swapped out once swap is turned on`];
}

/** Whether the file system that holds `path` is ramfs, or tmpfs with `noswap`. */
export function neverSwaps(mountinfo: string, path: string): boolean {
  const holding = mountinfo
    .split("\n")
    .map((line) => {
      const [head = "", tail = ""] = line.split(" - ");
      const [type = "", , options = ""] = tail.split(" ");
      return { point: head.split(" ")[4] ?? "", type, options: options.split(",") };
    })
    .filter(
      ({ point }) => point === path || path.startsWith(point.endsWith("/") ? point : `${point}/`),
    )
    // Of two mounts at one place the later one is seen.
    .reduce<{ point: string; type: string; options: string[] } | undefined>(
      (best, one) => (best === undefined || one.point.length >= best.point.length ? one : best),
      undefined,
    );
  return holding?.type === "ramfs" || holding?.options.includes("noswap") === true;
}

function ownerWarnings(options: MemoryOptions): readonly string[] {
  if (options.uid === 0) return [];
  return [
    "without root, secret files cannot be given to the container's user: they are readable by every user of the container (0444)",
  ];
}

/** Bytes that can still be written. */
export async function freeBytes(path: string): Promise<number> {
  const { bavail, bsize } = await statfs(path);
  return bavail * bsize;
}
