import { readFileSync, readlinkSync, statfsSync, statSync } from "node:fs";
import { hostname, userInfo } from "node:os";
import { DsoError } from "../model/errors.ts";
import { hasCode } from "./files.ts";

/** Enough to tell, later and from another process, whether it still lives. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Changes with every boot of the machine; empty where the system has none. */
  readonly bootId: string;
  /** Process ids mean something only inside their namespace. */
  readonly pidNamespace: string;
  /** Clock ticks between boot and the start of the process: tells a reused id from the first. */
  readonly startTime: string;
}

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

// All that is read here is the kernel's own memory, or a question to it: to hand each step to another
// thread takes several times as long as the step.

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

/** Where the system does not tell its start, that is empty. */
export function identify(pid: number): ProcessIdentity {
  const startTime = processStatus(pid)?.startTime ?? "";
  return { pid, bootId: bootId(), pidNamespace: pidNamespace(), startTime };
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

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** Whether the process certainly runs no more. In doubt it does. */
export function isGone(owner: ProcessIdentity): boolean {
  // Its boot may be all that is known of it.
  if (owner.pid <= 0 && owner.bootId === "") return false;
  if (owner.bootId !== bootId()) return true;
  if (owner.pid <= 0) return false;
  if (owner.pidNamespace !== pidNamespace()) return false;
  if (!processExists(owner.pid)) return true;
  const status = processStatus(owner.pid);
  if (status === undefined) return !processExists(owner.pid);
  return status.ended || status.startTime !== owner.startTime;
}

/** Throws `state-corrupt` where locks do not hold. */
export function refuseNetwork(directory: string): void {
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

interface ProcessStatus {
  readonly startTime: string;
  /** The id of its process group. */
  readonly group: number;
  /** A zombie: ended, though its parent has not asked for the exit code. */
  readonly ended: boolean;
}

/** Undefined: there is none, or the system does not tell. */
export function processStatus(pid: number): ProcessStatus | undefined {
  const line = readIfThere(`/proc/${pid}/stat`);
  // The second field is the program's name, in parentheses that it may hold itself.
  const fields = line.slice(line.lastIndexOf(")") + 2).split(" ");
  const [state = "", , group] = fields;
  const startTime = fields[19];
  if (startTime === undefined) return undefined;
  return { startTime, group: Number(group), ended: "ZXx".includes(state) };
}

function processExists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    if (hasCode(error, "ESRCH")) return false;
    if (hasCode(error, "EPERM")) return true;
    throw error;
  }
}

function bootId(): string {
  return readIfThere("/proc/sys/kernel/random/boot_id").trim();
}

function pidNamespace(): string {
  try {
    return readlinkSync("/proc/self/ns/pid");
  } catch (error) {
    if (hasCode(error, "ENOENT")) return "";
    throw error;
  }
}

/** Empty where the file is not: systems without /proc, processes that are gone or hidden. */
function readIfThere(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (hasCode(error, "ENOENT", "ESRCH", "EACCES")) return "";
    throw error;
  }
}

/** Of the user who runs this process; of one without a name, the number. */
export function userName(): string {
  try {
    return userInfo().username;
  } catch (error) {
    // A numeric user without an entry in the password file.
    if (hasCode(error, "ENOENT", "ERR_SYSTEM_ERROR")) return `uid ${process.geteuid?.() ?? "?"}`;
    throw error;
  }
}
