/**
 * The real CLI on the real engine, in a home of its own: vault, state, locks and memory
 * directories lie below one temporary directory, and everything made there goes with it.
 */
import { execFileSync, spawn } from "node:child_process";
import { randomBytes, randomInt } from "node:crypto";
import { once } from "node:events";
import { lstat, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { noteGiven } from "./leak/check.ts";

export const ROOT = fileURLToPath(new URL("../..", import.meta.url));

export interface Result {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly cwd?: string;
  readonly input?: string | Buffer;
  readonly environment?: Readonly<Record<string, string>>;
  /** The exit code that is expected; any other throws with all that was printed. */
  readonly status?: number | "any";
}

export interface Home extends AsyncDisposable {
  readonly path: string;
  readonly environment: Readonly<Record<string, string>>;
  run(program: string, args: readonly string[], options?: RunOptions): Promise<Result>;
  /** Puts a secret into the vault of this home; `dso init` ran when the home was made. */
  setSecret(path: string, value: string): Promise<void>;
  /** A directory with these files, by a random name that is also the project's. */
  project(files: Readonly<Record<string, string>>, label?: string): Promise<Project>;
}

/** A project by the name of its directory; all programs run in it. */
export interface Project {
  readonly name: string;
  readonly dir: string;
  write(file: string, text: string): Promise<void>;
  dso(args: string, options?: RunOptions): Promise<Result>;
  /** docker-compose 1.29.2. */
  oldest(args: string, options?: RunOptions): Promise<Result>;
  /** The newest Docker Compose that script/newest-compose brings. */
  newest(args: string, options?: RunOptions): Promise<Result>;
  /** `name id` of all its containers, sorted. */
  containers(): Promise<readonly string[]>;
  /** `container|network|volume name` of everything of it that the engine has, sorted. */
  left(): Promise<readonly string[]>;
}

export async function createHome(): Promise<Home> {
  const path = await mkdtemp(join(tmpdir(), "dso-e2e-"));
  const environment = environmentOf(path);
  await givePlugins(path);
  const projects: string[] = [];
  const given = noteGiven(path, environment["DOCKER_HOST"]);
  const run: Home["run"] = (program, args, options = {}) => {
    given.note(program, args, String(options.input ?? ""));
    return runProgram(program, args, {
      cwd: path,
      ...options,
      environment: { ...environment, ...options.environment },
    });
  };
  await run("dso", ["init"]).catch(async (error: unknown) => {
    await rm(path, { recursive: true });
    throw error;
  });
  return {
    path,
    environment,
    run,
    setSecret: async (secret, value) => {
      await run("dso", ["secret", "set", secret], { input: value });
    },
    project: async (files, label = "e2e") => {
      const name = `${label}-${randomBytes(4).toString("hex")}`;
      const dir = join(path, name);
      projects.push(name);
      await mkdir(dir);
      const project = projectIn(run, name, dir, given.wrote);
      for (const [file, text] of Object.entries(files)) await project.write(file, text);
      return project;
    },
    async [Symbol.asyncDispose]() {
      try {
        await given.check();
      } finally {
        for (const name of projects) await removeAll(run, name);
        await unmount(run, join(path, "memory"));
        await rm(path, { recursive: true, force: true });
      }
    },
  };
}

function projectIn(
  run: Home["run"],
  name: string,
  dir: string,
  wrote: (path: string) => void,
): Project {
  const words = (text: string): string[] => text.split(" ").filter((word) => word !== "");
  const compose = (program: string, args: string, options: RunOptions = {}): Promise<Result> =>
    run(program, ["-p", name, ...words(args)], { cwd: dir, ...options });
  return {
    name,
    dir,
    write: async (file, text) => {
      await mkdir(dirname(join(dir, file)), { recursive: true });
      await writeFile(join(dir, file), text);
      wrote(join(dir, file));
    },
    dso: (args, options = {}) => run("dso", words(args), { cwd: dir, ...options }),
    oldest: (args, options) => compose("docker-compose", args, options),
    newest: (args, options) => compose(newestCompose(), args, options),
    containers: () => list(run, ["ps", "-a", "--no-trunc", "--format", "{{.Names}} {{.ID}}"], name),
    left: async () => [
      ...(await list(run, ["ps", "-a", "--format", "container {{.Names}}"], name)),
      ...(await list(run, ["network", "ls", "--format", "network {{.Name}}"], name)),
      ...(await list(run, ["volume", "ls", "--format", "volume {{.Name}}"], name)),
    ],
  };
}

/** The path of the newest Docker Compose; script/test sets it, because a private engine has no way out. */
export function newestCompose(): string {
  const script = join(ROOT, "script/newest-compose");
  return process.env.DSO_COMPOSE_NEWEST ?? execFileSync(script, { encoding: "utf8" }).trim();
}

/**
 * A port of this machine that nobody uses now, and that the kernel gives to nobody who asks for any, nor the
 * engine: both begin above it.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(10_000, 32_000);
    const server = createServer().listen(port, "127.0.0.1");
    const isFree = await once(server, "listening").then(
      () => true,
      () => false,
    );
    if (!isFree) continue;
    await new Promise((resolve) => server.close(resolve));
    return port;
  }
}

async function list(
  run: Home["run"],
  args: readonly string[],
  project: string,
): Promise<readonly string[]> {
  const filter = ["--filter", `label=com.docker.compose.project=${project}`];
  const { stdout } = await run("docker", [...args, ...filter]);
  return stdout
    .split("\n")
    .filter((line) => line !== "")
    .sort();
}

function environmentOf(home: string): Record<string, string> {
  const { PATH = "/usr/bin:/bin", DOCKER_HOST, NODE_COMPILE_CACHE } = process.env;
  return {
    PATH: [join(ROOT, "bin"), PATH].join(delimiter),
    HOME: home,
    DSO_HOME: join(home, "dso"),
    XDG_CONFIG_HOME: join(home, "config"),
    DSO_MEMORY_DIR: join(home, "memory"),
    DOCKER_BUILDKIT: "0",
    ...(DOCKER_HOST === undefined ? {} : { DOCKER_HOST }),
    ...(NODE_COMPILE_CACHE === undefined ? {} : { NODE_COMPILE_CACHE }),
  };
}

/** So that `docker compose` is the newest one here, wherever the machine keeps its own. */
async function givePlugins(home: string): Promise<void> {
  const plugins = join(home, ".docker/cli-plugins");
  await mkdir(plugins, { recursive: true });
  await symlink(newestCompose(), join(plugins, "docker-compose"));
}

async function removeAll(run: Home["run"], project: string): Promise<void> {
  const kinds = [
    { found: ["ps", "-aq"], remove: ["rm", "-f", "-v"] },
    { found: ["network", "ls", "-q"], remove: ["network", "rm"] },
    { found: ["volume", "ls", "-q"], remove: ["volume", "rm"] },
  ];
  for (const { found, remove } of kinds) {
    const ids = await list(run, found, project);
    if (ids.length > 0) await run("docker", [...remove, ...new Set(ids)]);
  }
  // The classic builder of Docker Compose labels no image.
  const built = ["image", "ls", "-q", "--filter", `reference=${project}-*`];
  const ids = (await run("docker", built)).stdout.split("\n").filter((id) => id !== "");
  if (ids.length > 0) await run("docker", ["image", "rm", "-f", ...new Set(ids)]);
}

/** The memory file system is there only where root mounted it and something was delivered. */
async function unmount(run: Home["run"], path: string): Promise<void> {
  const own = await lstat(path).catch(() => undefined);
  const parent = await lstat(dirname(path));
  if (own !== undefined && own.dev !== parent.dev) await run("umount", [path]);
}

function runProgram(
  program: string,
  args: readonly string[],
  options: RunOptions,
): Promise<Result> {
  const { cwd, input = "", environment = {}, status: expected = 0 } = options;
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd, env: environment, stdio: "pipe" });
    const texts = { stdout: "", stderr: "" };
    for (const stream of ["stdout", "stderr"] as const) {
      child[stream].setEncoding("utf8").on("data", (text: string) => (texts[stream] += text));
    }
    child.on("error", reject);
    // A program that ends without reading its input closes the pipe: its exit code tells.
    child.stdin.on("error", () => undefined);
    child.stdin.end(input);
    child.on("close", (code, signal) => {
      const status = code ?? -1;
      if (status === expected || expected === "any") resolve({ status, ...texts });
      else reject(unexpected([program, ...args].join(" "), signal ?? status, expected, texts));
    });
  });
}

function unexpected(
  command: string,
  got: number | string,
  expected: number,
  { stdout, stderr }: Omit<Result, "status">,
): Error {
  return new Error(`${command} ended with ${got}, not ${expected}\n${stdout}\n${stderr}`);
}
