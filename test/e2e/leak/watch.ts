/** Looks at everything that others can see while DSO works, and notes which values it saw where. */
import { Buffer } from "node:buffer";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { hasCode } from "../../../src/model/errors.ts";
import type { Home } from "../cli.ts";
import { filesBelow } from "./files.ts";
import { createFinder, type Values } from "./values.ts";

const PROCESS_MS = 10;
const INSPECT_MS = 1500;

export interface Watch {
  /** Looks at one piece of text or bytes. */
  look(where: string, bytes: Buffer | string): void;
  /** Looks at every file below; other file systems are left out. */
  lookBelow(where: string, directory: string): Promise<void>;
  /** What `docker inspect` says of everything that there is now. */
  inspect(): Promise<void>;
  /** `value in where`, sorted. */
  findings(): readonly string[];
  /** How often each place was looked at: a search that never looked finds nothing. */
  looked(): Readonly<Record<string, number>>;
  stop(): Promise<void>;
}

/** Looks at processes and the engine from now on until it is stopped. */
export function startWatch(home: Home, values: Values): Watch {
  const find = createFinder(values);
  const found = new Set<string>();
  const looked: Record<string, number> = {};
  const look: Watch["look"] = (where, bytes) => {
    looked[where] = (looked[where] ?? 0) + 1;
    for (const name of find(Buffer.from(bytes))) found.add(`${name} in ${where}`);
  };
  const inspect = async (): Promise<void> => {
    look("inspect", await inspectAll(home));
  };
  const searched = new Map<string, Searched>();
  const timer = setInterval(() => {
    lookAtProcesses((path, whereOf) => {
      const bytes = readGone(path);
      const before = searched.get(path);
      // Searched before: to search it once more would take most of a processor.
      const same = bytes !== undefined && before?.bytes.equals(bytes) === true;
      const where = same ? before.where : whereOf();
      if (bytes === undefined || where === undefined) return;
      if (same) looked[where] = (looked[where] ?? 0) + 1;
      else look(where, bytes);
      searched.set(path, { bytes, where });
    });
  }, PROCESS_MS);
  const stopped = new AbortController();
  const loop = repeat(inspect, stopped.signal);
  return {
    look,
    inspect,
    lookBelow: async (where, directory) => {
      looked[where] ??= 0;
      for (const path of await filesBelow(directory)) {
        const bytes = await readFile(path).catch(goneMeanwhile);
        if (bytes !== undefined) look(where, bytes);
      }
    },
    findings: () => [...found].sort(),
    looked: () => looked,
    stop: async () => {
      clearInterval(timer);
      stopped.abort();
      await loop;
    },
  };
}

async function repeat(work: () => Promise<void>, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await work();
    await sleep(INSPECT_MS);
  }
}

interface Searched {
  readonly bytes: Buffer;
  readonly where: string;
}

/**
 * Of all processes in this process namespace: DSO, docker, the engine, the containers. The variables of
 * a container's own program are a place of their own: there they belong.
 */
function lookAtProcesses(read: (path: string, where: () => string | undefined) => void): void {
  const here = readlinkSync("/proc/self/ns/pid");
  for (const pid of readdirSync("/proc")) {
    if (!/^\d+$/.test(pid)) continue;
    read(`/proc/${pid}/cmdline`, () => "cmdline");
    read(`/proc/${pid}/environ`, () => {
      const namespace = linkGone(`/proc/${pid}/ns/pid`);
      if (namespace === undefined) return undefined;
      return namespace === here ? "environ" : "program";
    });
  }
}

function linkGone(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}

/** An agent writes, and puts in place what it has written, while its files are looked at. */
function goneMeanwhile(error: unknown): undefined {
  if (!hasCode(error, "ENOENT")) throw error;
}

/** Undefined for a process that has ended meanwhile. */
function readGone(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch {
    return undefined;
  }
}

/** One that goes away between the list and the look is left out. */
async function inspectAll(home: Home): Promise<string> {
  const kinds = [
    ["container", "ps", "-aq"],
    ["image", "image", "ls", "-aq"],
    ["network", "network", "ls", "-q"],
    ["volume", "volume", "ls", "-q"],
  ] as const;
  const texts = await Promise.all(
    kinds.map(async ([kind, ...list]) => {
      const ids = (await home.run("docker", list)).stdout.split("\n").filter((id) => id !== "");
      if (ids.length === 0) return "";
      const script = 'kind=$1; shift; docker "$kind" inspect "$@" || true';
      return (await home.run("sh", ["-c", script, "sh", kind, ...ids])).stdout;
    }),
  );
  return texts.join("\n");
}
