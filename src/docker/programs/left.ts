/** The process group of a program that a killed run has left at work. */
import { readdirSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { identify, isGone, type ProcessIdentity, processStatus } from "../../lib/process.ts";
import type { LeftProgram } from "../../model/providerPrograms.ts";
import { GRACE_MS, signalGroup } from "./child.ts";

/** From SIGKILL on: what hangs in the kernel does not end. */
const KILLED_MS = 5000;
const LOOK_MS = 50;

/** Process id to its start: together they name one process of this boot. */
type Members = ReadonlyMap<number, string>;

/**
 * As `ProviderPrograms.endLeft`. `left` is the leader of its group. Once that is gone, what else it has
 * started is left alone: nobody can tell any more whether a group of that number is the same one.
 */
export async function endLeft(left: ProcessIdentity, signal: AbortSignal): Promise<LeftProgram> {
  if (isGone(left)) return "gone";
  const now = identify(left.pid);
  const isIt =
    now.startTime !== "" &&
    now.startTime === left.startTime &&
    now.pidNamespace === left.pidNamespace;
  if (!isIt) return "untold";
  const members = membersOf(left.pid);
  if (!members.has(left.pid)) return "untold";
  const rest = await endAll(left.pid, members, "SIGTERM", GRACE_MS, signal);
  if (rest.size === 0) return "ended";
  return (await endAll(left.pid, rest, "SIGKILL", KILLED_MS, signal)).size === 0
    ? "ended"
    : "stays";
}

/** Answers who is left of it. */
async function endAll(
  group: number,
  members: Members,
  name: NodeJS.Signals,
  patienceMs: number,
  signal: AbortSignal,
): Promise<Members> {
  let rest = members;
  signalGroup(group, name);
  for (let waitedMs = 0; rest.size > 0 && waitedMs < patienceMs; waitedMs += LOOK_MS) {
    await sleep(LOOK_MS, undefined, { signal });
    rest = stillOf(rest, membersOf(group));
  }
  return rest;
}

/**
 * While one is left of those that were there, the group is the same one: the system gives its number to
 * nobody else. Without any it may be another's.
 */
function stillOf(before: Members, now: Members): Members {
  return [...before].some(([pid, start]) => now.get(pid) === start) ? now : new Map();
}

function membersOf(group: number): Members {
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  const found = pids.flatMap((name) => {
    const pid = Number(name);
    const status = processStatus(pid);
    const isMember = status?.group === group && !status.ended;
    return isMember ? [[pid, status.startTime] as const] : [];
  });
  return new Map(found);
}
