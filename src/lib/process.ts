/** Who runs, told so that it can be known later, and from another process, whether it still does. */
import { readFileSync, readlinkSync } from "node:fs";
import { userInfo } from "node:os";
import { hasCode } from "../model/errors.ts";

export interface ProcessIdentity {
  readonly pid: number;
  /** Changes with every boot of the machine; empty where the system has none. */
  readonly bootId: string;
  /** Process ids mean something only inside their namespace. */
  readonly pidNamespace: string;
  /** Clock ticks between boot and the start of the process: tells a reused id from the first. */
  readonly startTime: string;
}

// All that is read here is the kernel's own memory, or a question to it: to hand each step to another
// thread takes several times as long as the step.

/** Where the system does not tell its start, that is empty. */
export function identify(pid: number): ProcessIdentity {
  const startTime = processStatus(pid)?.startTime ?? "";
  return { pid, bootId: bootId(), pidNamespace: pidNamespace(), startTime };
}

/** In the name of a file; of 80 characters at most. */
export function markOf({ pid, startTime, pidNamespace, bootId }: ProcessIdentity): string {
  return [pid, startTime, pidNamespace.replaceAll(/\D/g, ""), bootId].join(".");
}

/** Undefined where the text is no mark. */
export function parseMark(text: string): ProcessIdentity | undefined {
  const [, pid, startTime = "", namespace = "", bootId = ""] =
    /^(\d+)\.(\d*)\.(\d*)\.([0-9a-f-]*)$/.exec(text) ?? [];
  // No system gives larger ones: anybody can write a name.
  if (pid === undefined || Number(pid) > 0x7fffffff) return undefined;
  return { pid: Number(pid), startTime, bootId, pidNamespace: namespace && `pid:[${namespace}]` };
}

/** Whether the process certainly runs no more. In doubt it does. */
export function isGone(owner: ProcessIdentity): boolean {
  if (owner.pid <= 0) return false;
  if (owner.bootId !== bootId()) return true;
  if (owner.pidNamespace !== pidNamespace()) return false;
  if (!processExists(owner.pid)) return true;
  const status = processStatus(owner.pid);
  if (status === undefined) return !processExists(owner.pid);
  return status.ended || status.startTime !== owner.startTime;
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
    if (hasCode(error, "ENOENT", "ESRCH", "EACCES", "EPERM")) return "";
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
