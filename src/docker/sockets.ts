import { readFile } from "node:fs/promises";
import { hasCode } from "../model/errors.ts";
import type { Sockets } from "../model/ports.ts";

const LISTEN = "0A";
/** Established; or on its way to it, where the client may already have asked: the program is behind. */
const CONNECTED: ReadonlySet<string> = new Set(["01", "03"]);

/**
 * What the kernel of this host tells of a process: `/proc/<pid>/net/tcp` and `tcp6`, see proc(5).
 * `isLocal`: the engine's host is this one; a number of another host means somebody else here.
 */
export function createSockets(isLocal: () => Promise<boolean>): Sockets {
  return { inbound: async (pid) => ((await isLocal()) ? inboundOf(pid) : undefined) };
}

async function inboundOf(pid: number): Promise<number | undefined> {
  const tables = await Promise.all(["tcp", "tcp6"].map((name) => readTable(pid, name)));
  const [first, second] = tables;
  if (first === undefined && second === undefined) return undefined;
  return countInbound(`${first ?? ""}\n${second ?? ""}`);
}

/** Undefined where there is none, or this user may not read it. */
async function readTable(pid: number, name: string): Promise<string | undefined> {
  if (pid <= 0) return undefined;
  try {
    return await readFile(`/proc/${pid}/net/${name}`, "latin1");
  } catch (error) {
    if (hasCode(error, "ENOENT", "EACCES", "EPERM", "ESRCH", "EINVAL")) return undefined;
    throw error;
  }
}

/** Connections to a port that is listened on, by the lines of such tables. */
export function countInbound(table: string): number {
  const sockets = table.split("\n").flatMap((line) => {
    const [, local = "", , state = ""] = line.trim().split(/\s+/);
    const port = local.split(":")[1];
    return port === undefined ? [] : [{ port, state }];
  });
  const listening = new Set(
    sockets.filter(({ state }) => state === LISTEN).map(({ port }) => port),
  );
  return sockets.filter(({ port, state }) => CONNECTED.has(state) && listening.has(port)).length;
}
