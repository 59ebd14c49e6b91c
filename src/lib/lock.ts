import { randomBytes } from "node:crypto";
import { readFileSync, rmdirSync, statfsSync, statSync, unlinkSync, utimesSync } from "node:fs";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { DsoError, hasCode } from "../model/errors.ts";
import { ensurePrivateDirectory } from "./files.ts";
import {
  breakLock,
  describeSelf,
  inspectLock,
  type LockOwner,
  publish,
  recordOf,
  removePrepared,
} from "./lockRecord.ts";
import { isGone } from "./process.ts";

export interface LockOptions {
  /** What the lock is for, for whoever finds it taken: `apply shop`. */
  readonly operation: string;
  /** How long to wait for another owner, or for this one; 0: not at all. */
  readonly timeoutMs: number | ((holder: LockOwner) => number);
  /** Called once where that takes long enough to wonder about. */
  readonly onWait?: (holder: LockOwner) => void;
  /** Called when the lock of an owner that no longer lives was taken. */
  readonly onTakeover?: (previous: LockOwner) => void;
}

export interface Lock {
  readonly owner: LockOwner;
  /** Somebody else held it when it was asked for. */
  readonly waited: boolean;
  /** Aborted with `lock-lost` once somebody else broke the lock. */
  readonly signal: AbortSignal;
  /** Rejects with `lock-lost`; to be asked last before something that cannot be undone. */
  assertHeld(): Promise<void>;
  release(): Promise<void>;
}

/** After so long somebody who waits wants to know for whom. */
const WONDER_MS = 1000;
/** How often the holder looks whether the lock is still its own. */
const CHECK_MS = 2000;

/**
 * Takes the lock at `path`, waiting for a living owner up to the time given, then
 * rejecting with `locked`. An owner is gone when its process is (or its boot),
 * never because of age: a suspended process still owns what it locked.
 */
export async function acquireLock(
  path: string,
  options: LockOptions,
  signal: AbortSignal,
): Promise<Lock> {
  ensurePrivateDirectory(dirname(path));
  refuseNetwork(dirname(path));
  removePrepared(dirname(path));
  const owner = describeSelf(randomBytes(8).toString("hex"), options.operation);
  const begun = performance.now();
  let told = false;
  for (let waited = false; ; waited = true) {
    signal.throwIfAborted();
    const lock = await tryAcquire(path, owner);
    if (lock !== undefined) return { ...lock, waited };
    const holder = inspectLock(path);
    if (holder === undefined) continue;
    if (isGone(holder)) {
      if (breakLock(path, holder.id)) options.onTakeover?.(holder);
      continue;
    }
    const elapsed = performance.now() - begun;
    if (elapsed >= patience(options, holder)) throw locked(path, holder);
    if (!told && elapsed > WONDER_MS) {
      told = true;
      options.onWait?.(holder);
    }
    // Uneven, or two waiters in step would let a third, busy one win every time.
    await sleep(5 + Math.random() * 20, undefined, { signal });
  }
}

function patience({ timeoutMs }: LockOptions, holder: LockOwner): number {
  return typeof timeoutMs === "number" ? timeoutMs : timeoutMs(holder);
}

async function tryAcquire(
  path: string,
  owner: LockOwner,
): Promise<Omit<Lock, "waited"> | undefined> {
  const { lock } = await import("proper-lockfile");
  const lost = new AbortController();
  try {
    // It keeps its books by this name: one of its own for every holding, so that none ends another.
    const unlock = await lock(recordOf(path, owner), {
      lockfilePath: path,
      realpath: false,
      // Age never counts; the regular look at our own record is what is wanted of it.
      stale: Infinity,
      update: CHECK_MS,
      fs: lockFileSystem(path, owner),
      onCompromised: (cause) => {
        lost.abort(lockLost(path, cause));
      },
    });
    return {
      owner,
      signal: lost.signal,
      assertHeld: async () => {
        lost.signal.throwIfAborted();
        if (inspectLock(path)?.id !== owner.id) throw lockLost(path);
      },
      release: async () => {
        await unlock().catch((error: unknown) => {
          // Lost meanwhile: whoever has it now keeps it.
          if (!hasCode(error, "ERELEASED")) throw error;
        });
      },
    };
  } catch (error) {
    if (hasCode(error, "ELOCKED")) return undefined;
    throw error;
  }
}

type Callback = (error: Error | null, result?: unknown) => void;

/** The file operations proper-lockfile is built on, given the meaning described in lockRecord.ts. */
function lockFileSystem(path: string, owner: LockOwner): Record<string, unknown> {
  const own = recordOf(path, owner);
  return {
    mkdir: (_path: string, done: Callback) => {
      settle(() => {
        if (!publish(path, owner)) throw Object.assign(new Error(), { code: "EEXIST" });
      }, done);
    },
    rmdir: (_path: string, done: Callback) => {
      settle(() => breakLock(path, owner.id), done);
    },
    // For the exit of the process, where nothing may be awaited.
    rmdirSync: () => {
      unlinkSync(own);
      rmdirSync(path);
    },
    stat: (_path: string, done: Callback) => {
      settle(() => statSync(own), done);
    },
    utimes: (_path: string, atime: Date, mtime: Date, done: Callback) => {
      settle(() => {
        utimesSync(own, atime, mtime);
      }, done);
    },
  };
}

function settle(work: () => unknown, done: Callback): void {
  let result: unknown;
  try {
    result = work();
  } catch (error) {
    done(error as Error);
    return;
  }
  done(null, result);
}

function lockLost(path: string, cause?: unknown): DsoError {
  return new DsoError("lock-lost", `the lock ${path} was broken by somebody else`, {
    hint: "Run the command again; look first whether another one is at work.",
    cause,
  });
}

function locked(path: string, holder: LockOwner): DsoError {
  return new DsoError(
    "locked",
    `${path} is locked by process ${holder.pid} of ${holder.who} on ${holder.hostname} (${holder.operation}) since ${holder.created}`,
    { hint: `Wait for it to end. If it hangs, run: dso force-unlock ${holder.id}` },
  );
}

/** Where a rename seen by one machine may not yet be seen by another. Numbers are the kernel's magic. */
const NETWORK = new Map([
  [0x6969, "nfs"],
  [0x517b, "smb"],
  [0xff534d42, "cifs"],
  [0xfe534d42, "smb2"],
  [0x00c36400, "ceph"],
  [0x5346414f, "afs"],
  [0x0bd00bd0, "lustre"],
]);
const FUSE = 0x65735546;
const NETWORK_FUSE = /^fuse\.(sshfs|rclone|s3fs|glusterfs|ceph|davfs|nfs|smb)/;

/** Throws `state-corrupt` where locks do not hold. */
function refuseNetwork(directory: string): void {
  const { type } = statfsSync(directory);
  const name = NETWORK.get(type >>> 0) ?? (type === FUSE ? networkFuse(directory) : undefined);
  if (name === undefined) return;
  throw new DsoError("state-corrupt", `${directory} is on a network file system (${name})`, {
    hint: "Locks do not hold there. Set DSO_HOME to a directory on a local disk.",
  });
}

function networkFuse(directory: string): string | undefined {
  const { dev } = statSync(directory);
  const device = `${(dev >> 8) & 0xfff}:${(dev & 0xff) | ((dev >> 12) & 0xfff00)}`;
  const mounts = readFileSync("/proc/self/mountinfo", "utf8").split("\n");
  const mount = mounts.find((line) => line.split(" ")[2] === device);
  const type = mount?.split(" - ")[1]?.split(" ")[0];
  return type !== undefined && NETWORK_FUSE.test(type) ? type : undefined;
}
