/** What must not change while a command is refused. */
import { expect } from "vitest";
import { readdir, readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { hasCode } from "../../src/model/errors.ts";
import type { Rotation } from "../../src/model/journal.ts";
import type { Home, Project } from "./cli.ts";

export interface Trace {
  /** Everything of the project that the engine has. */
  readonly left: readonly string[];
  /** `name id started` of its containers. */
  readonly containers: readonly string[];
  /** Directories in memory and the mirrors of their manifests, of the whole home. */
  readonly generations: readonly string[];
  readonly openRotations: readonly string[];
}

export async function traceOf(home: Home, project: Project): Promise<Trace> {
  return {
    left: await project.left(),
    containers: await containersOf(home, project),
    generations: await generationsOf(home),
    openRotations: (await rotationsOf(home, project))
      .filter(({ status }) => status === "in_progress" || status === "rolling_back")
      .map(({ id, step }) => `${id} ${step}`),
  };
}

async function generationsOf(home: Home): Promise<readonly string[]> {
  const memory = home.environment["DSO_MEMORY_DIR"] ?? join(home.path, "memory");
  const state = join(home.environment["DSO_HOME"] ?? "", "state/generations");
  return [...(await namesIn(memory, "memory")), ...(await namesIn(state, "mirror", true))];
}

/** All that the journal has. */
export async function rotationsOf(home: Home, project: Project): Promise<readonly Rotation[]> {
  const path = join(home.environment["DSO_HOME"] ?? "", `state/rotations-${project.name}.json`);
  try {
    return JSON.parse(await readFile(path, "utf8")) as readonly Rotation[];
  } catch (error) {
    if (hasCode(error, "ENOENT")) return [];
    throw error;
  }
}

async function containersOf(home: Home, project: Project): Promise<readonly string[]> {
  const names = (await project.containers()).map((line) => line.split(" ")[0] ?? "");
  if (names.length === 0) return [];
  const format = "{{.Name}} {{.Id}} {{.State.StartedAt}}";
  const { stdout } = await home.run("docker", ["inspect", "--format", format, ...names]);
  return stdout.trim().split("\n");
}

async function namesIn(path: string, what: string, recursive = false): Promise<readonly string[]> {
  try {
    const names = (await readdir(path, { recursive })).filter(
      (name) => !recursive || name.endsWith(".json"),
    );
    return names.sort().map((name) => `${what} ${basename(name, ".json")}`);
  } catch (error) {
    if (hasCode(error, "ENOENT")) return [];
    throw error;
  }
}

/** A static busybox asks no name server by itself: `nslookup` does it for `wget`. */
const addressOf = (name: string): string => `$(nslookup ${name} | sed -n 's/^Address: //p')`;
const ask = (name: string): string => `wget -q -O - "http://${addressOf(name)}:8080/"`;

/** What a service answers to `client`, another service of the project that has a shell. */
export async function answerOf(home: Home, project: Project, name: string): Promise<string> {
  const argv = ["exec", `${project.name}-client-1`, "sh", "-c", ask(name)];
  return (await home.run("docker", argv)).stdout.trim();
}

/**
 * From `client` somebody is connected to `web` and asks for nothing, until the answer is called. So long
 * the container that has it is not let go of, at most for its `drain`: it would be after a moment else, and
 * whoever wants to come in between might be late.
 */
export async function stayConnected(home: Home, project: Project): Promise<() => Promise<void>> {
  const exec = ["exec", `${project.name}-client-1`];
  const script = `sleep 1000 | nc ${addressOf("web")} 8080`;
  await home.run("docker", ["exec", "-d", ...exec.slice(1), "sh", "-c", script]);
  // To port 8080, and established.
  const look = [...exec, "grep", "-q", ":1F90 01 ", "/proc/net/tcp"];
  while ((await home.run("docker", look, { status: "any" })).status !== 0) await sleep(50);
  return async () => {
    await home.run("docker", [...exec, "killall", "nc"], { status: "any" });
  };
}

/** Of a project with `web` and `client` there is what its files ask for, and nothing is half done. */
export async function expectNothingLeft(
  home: Home,
  project: Project,
  hasVolume: boolean,
): Promise<void> {
  const { left, generations, openRotations } = await traceOf(home, project);
  expect(left).toEqual([
    `container ${project.name}-client-1`,
    `container ${project.name}-web-1`,
    `network ${project.name}_default`,
    ...(hasVolume ? [`volume ${project.name}_data`] : []),
  ]);
  expect(generations).toHaveLength(2);
  expect(openRotations).toEqual([]);
}
