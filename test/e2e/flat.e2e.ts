/**
 * Many rotations in a row leave no more behind than a few. `DSO_ROTATIONS=100` makes it many.
 */
import { readdir, readFile, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import { expect, test } from "vitest";
import { hasCode } from "../../src/model/errors.ts";
import { type RunningAgent, startAgent } from "./agency.ts";
import { createHome, type Home, type Project } from "./cli.ts";
import { composeOf, rotateThrough, startApp } from "./underLoad.ts";
import { traceOf } from "./witness.ts";

const ROTATIONS = Number(process.env["DSO_ROTATIONS"] ?? 6);
const LONG = 120_000 + ROTATIONS * 30_000;
/** After so many the addresses are those that take turns. */
const WARM_UP = 3;
/** Entries that the journal keeps; the history keeps a hundred, ten of them with their model. */
const JOURNAL = 30;
const STATE_BYTES = 512 * 1024;
/** Connections of its clients that the engine has not closed yet. */
const FEW = 8;
/** What a process may hold more, MB: much more than it does, much less than a leak of each rotation brings. */
const ROOM_MB = 64;

/** Longer than anybody is kept from its work. */
const QUIET_MS = 3000;

interface Held {
  /** Must not change at all. */
  readonly flat: Readonly<Record<string, number>>;
  /** Must stay below a bound. */
  readonly bounded: Readonly<Record<string, number>>;
  readonly engine: Process | undefined;
  readonly agent: Process | undefined;
}

interface Process {
  readonly descriptors: number;
  readonly megabytes: number;
}

/**
 * Once it no longer changes: what was replaced last may still be on its way out, or a file be half written.
 * Who does that may not get to it for a moment.
 */
async function settled(home: Home, project: Project, agent?: RunningAgent): Promise<Held> {
  for (let [earlier, since] = [await measure(home, project, agent), performance.now()]; ;) {
    await sleep(500);
    const held = await measure(home, project, agent);
    if (!isDeepStrictEqual(held.flat, earlier.flat)) since = performance.now();
    else if (performance.now() - since >= QUIET_MS) return held;
    earlier = held;
  }
}

async function measure(home: Home, project: Project, agent?: RunningAgent): Promise<Held> {
  const { left, generations, openRotations } = await traceOf(home, project);
  const state = join(home.environment["DSO_HOME"]!, "state");
  const entries = async (kind: string): Promise<number> => {
    const text = await readFile(join(state, `${kind}-${project.name}.json`), "utf8");
    return (JSON.parse(text) as readonly unknown[]).length;
  };
  const of = (lines: readonly string[], kind: string): number =>
    lines.filter((line) => line.startsWith(kind)).length;
  const lines = async (...args: string[]): Promise<number> =>
    (await home.run("docker", args)).stdout.split("\n").length - 1;
  const [memory, disk] = [
    await sizeOf(home.environment["DSO_MEMORY_DIR"]!),
    await sizeOf(home.environment["DSO_HOME"]!),
  ];
  return {
    flat: {
      containers: await lines("ps", "-aq"),
      ofProject: of(left, "container"),
      networks: await lines("network", "ls", "-q"),
      volumes: await lines("volume", "ls", "-q"),
      interfaces: (await readFile("/proc/net/dev", "utf8")).split("\n").length,
      generations: of(generations, "memory"),
      manifests: of(generations, "mirror"),
      openRotations: openRotations.length,
      addresses: await entries("addresses"),
      filesOnDisk: disk.files,
    },
    bounded: {
      journal: await entries("rotations"),
      stateBytes: (await sizeOf(state)).bytes,
      filesInMemory: memory.files,
    },
    engine: await engineHolds(),
    agent: agent && (await heldBy(agent.pid)),
  };
}

interface Size {
  readonly files: number;
  readonly bytes: number;
}

/** What comes and goes meanwhile, as the lock of an agent does, has it looked at anew. */
async function sizeOf(directory: string): Promise<Size> {
  for (;;) {
    try {
      return await sizeNow(directory);
    } catch (error) {
      if (!hasCode(error, "ENOENT")) throw error;
      await sleep(50);
    }
  }
}

async function sizeNow(directory: string): Promise<Size> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  const sizes = await Promise.all(
    files.map(async ({ parentPath, name }) => (await stat(join(parentPath, name))).size),
  );
  return { files: files.length, bytes: sizes.reduce((sum, size) => sum + size, 0) };
}

/** Of the engine's own process, where it is one that was started for the tests. */
async function engineHolds(): Promise<Held["engine"]> {
  const socket = (process.env["DOCKER_HOST"] ?? "").replace("unix://", "");
  if (!socket.includes("dso-engine.")) return undefined;
  return heldBy(Number(await readFile(join(dirname(socket), "pid"), "utf8")));
}

async function heldBy(pid: number): Promise<Process> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  const kilobytes = Number(/VmRSS:\s*(\d+)/.exec(status)?.[1]);
  const descriptors = (await readdir(`/proc/${pid}/fd`)).length;
  return { descriptors, megabytes: Math.round(kilobytes / 1024) };
}

test.each([
  { how: "new containers", strategy: "restart" },
  { how: "new files", strategy: "refresh" },
  { how: "the agent", strategy: "restart" },
])(
  "all that is held stays as it is, however often a secret changes: $how",
  async ({ how, strategy }) => {
    await using home = await createHome();
    const asked = (await composeOf()).replace("x-dso: { ", `x-dso: { strategy: ${strategy}, `);
    const project = await startApp(home, asked);
    const versions = (prefix: string, count: number): readonly string[] =>
      Array.from({ length: count }, (_, index) => `${prefix}${index + 1}`);
    await using agent = how === "the agent" ? await startAgent(home, project) : undefined;
    await rotateThrough(home, versions("warm", WARM_UP));
    const before = await settled(home, project, agent);
    await rotateThrough(home, versions("v", ROTATIONS));
    const after = await settled(home, project, agent);
    const report = JSON.stringify({ before, after }, undefined, 2);
    process.stdout.write(`${ROTATIONS} rotations by ${how}: ${report}\n`);
    expect(after.flat).toEqual(before.flat);
    expect(after.bounded["journal"]).toBeLessThanOrEqual(JOURNAL);
    expect(after.bounded["stateBytes"]).toBeLessThanOrEqual(STATE_BYTES);
    // Ten versions stay for whoever reads slowly, and what is read now; one file each, and the manifest.
    expect(after.bounded["filesInMemory"]).toBeLessThanOrEqual(12);
    for (const who of ["agent", "engine"] as const) {
      const [held, holds] = [before[who], after[who]];
      if (held === undefined || holds === undefined) continue;
      expect(holds.descriptors, who).toBeLessThanOrEqual(held.descriptors + FEW);
      expect(holds.megabytes, who).toBeLessThanOrEqual(held.megabytes + ROOM_MB);
    }
  },
  LONG,
);
