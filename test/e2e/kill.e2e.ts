/**
 * SIGKILL at any step: whatever DSO was doing, one more run and no person make the engine equal
 * to the files, and nothing is left over. A sample that changes with each run; all of it with
 * DSO_KILL_MATRIX=all (`npm run kill-matrix`).
 */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { isGone } from "../../src/lib/process.ts";
import { type LockOwner, parseOwner } from "../../src/lib/lockRecord.ts";
import { createHome, type Home, type Project } from "./cli.ts";
import { ensureTestImage } from "./image.ts";
import { createKiller, type Killer } from "./killing.ts";
import { chosen, killsOf, seed } from "./sample.ts";
import { traceOf } from "./witness.ts";

/** None that the kernel gives to whoever asks for any: it is free for a moment in each replacement. */
const PORT = 20_000 + Math.floor(Math.random() * 10_000);

/** Whether it serves, and what: a command of its own, which is asked through the engine. */
const CHECK = "test -s /run/secrets/app/password && wget -q -O /dev/null http://127.0.0.1:8080/";

/** Of each method; all of them with DSO_KILL_MATRIX=all. */
const SAMPLE = 3;
/** Milliseconds that a matrix may take on a busy machine. */
const LONG = 600_000;

let home: Home;
let project: Project;
let killer: Killer;
let image: string;
/** What the files want now; each test wants something else. */
let version = 0;
let password = "first-value-1234";

beforeAll(async () => {
  process.stdout.write(`kill matrix: DSO_SEED=${seed}\n`);
  image = await ensureTestImage("http");
  home = await createHome();
  await home.setSecret("app/password", password);
  project = await home.project({ "compose.yaml": compose() }, "kill");
  killer = await createKiller(process.env["DOCKER_HOST"] ?? "unix:///var/run/docker.sock");
});

afterAll(async () => {
  await killer[Symbol.asyncDispose]();
  await home[Symbol.asyncDispose]();
});

function compose(): string {
  return `services:
  web:
    image: ${image}
    user: "1000"
    restart: always
    stop_grace_period: 3s
    ports: ["127.0.0.1:${PORT}:8080"]
    environment: { VERSION: "${version}", PASSWORD_FILE: dsofile://app/password }
    x-dso: { strategy: signal, signal: SIGURG, health: { exec: [sh, -c, "${CHECK}"] } }
`;
}

const APPLY = ["apply", "-auto-approve"];

function start(
  args: readonly string[],
  host?: string,
  cwd = project.dir,
): ChildProcessWithoutNullStreams {
  const env = { ...home.environment, ...(host === undefined ? {} : { DOCKER_HOST: host }) };
  const child = spawn("dso", args, { cwd, env, stdio: "pipe" });
  child.stdout.resume();
  return child;
}

async function wantNext(): Promise<void> {
  version += 1;
  await project.write("compose.yaml", compose());
}

/** Stored, and not rolled out yet. */
async function storeNext(): Promise<void> {
  password = `value-${randomUUID()}`;
  await home.run("dso", ["secret", "set", "--no-apply", "app/password"], { input: password });
}

/** `apply`, killed at this call; false when it ended before. */
async function applyKilledAt(number: number, when: "before" | "after"): Promise<boolean> {
  const child = start(APPLY, killer.host);
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (said += text));
  killer.arm(number, when, () => child.kill("SIGKILL"));
  const [status, signal] = (await once(child, "exit")) as [number | null, string | null];
  if (signal !== "SIGKILL") expect({ status, said }).toEqual({ status: 0, said: "" });
  return signal === "SIGKILL";
}

async function killAfter(ms: number, child: ChildProcessWithoutNullStreams): Promise<void> {
  const exit = once(child, "exit");
  await sleep(ms);
  child.kill("SIGKILL");
  await exit;
}

/** One run and no person. */
async function becomesWhole(): Promise<void> {
  await project.dso("apply -auto-approve");
  await isWhole();
  await project.dso("plan -detailed-exitcode", { status: 0 });
}

async function isWhole(): Promise<void> {
  const trace = await traceOf(home, project);
  expect(trace.left).toEqual([
    `container ${project.name}-web-1`,
    `network ${project.name}_default`,
  ]);
  const { stdout } = await home.run("docker", [
    ...["inspect", "--format", '{{index .Config.Labels "dso.generation"}}'],
    `${project.name}-web-1`,
  ]);
  expect(trace.generations).toEqual([`memory ${stdout.trim()}`, `mirror ${stdout.trim()}`]);
  expect(trace.openRotations).toEqual([]);
  expect(await readdir(join(home.environment["DSO_HOME"] ?? "", "locks"))).toEqual([]);
  expect(await abandoned()).toEqual([]);
  expect(await ask("env?VERSION")).toBe(`${version}\n`);
  expect(await ask("file?/run/secrets/app/password")).toBe(password);
}

/** Containers that a killed process had made only to read a file of an image. */
async function abandoned(): Promise<readonly LockOwner[]> {
  const format = '{{.Label "dso.throwaway"}}';
  const filter = ["--filter", "label=dso.throwaway"];
  const { stdout } = await home.run("docker", ["ps", "-a", ...filter, "--format", format]);
  const owners = stdout.split("\n").flatMap((label) => (label === "" ? [] : parseOwner("", label)));
  return owners.filter(isGone);
}

async function ask(path: string): Promise<string> {
  return (await fetch(`http://127.0.0.1:${PORT}/cgi-bin/${path}`)).text();
}

describe("killed at every change of the engine", () => {
  /** Runs the whole change once, and again for each of its calls, killed before and after it. */
  async function matrix(prepare: () => Promise<void>, least: number): Promise<void> {
    await prepare();
    expect(await applyKilledAt(1_000, "before")).toBe(false);
    await isWhole();
    const calls = [...killer.calls];
    expect(calls.length, calls.join("\n")).toBeGreaterThanOrEqual(least);
    for (const { call, number, when } of chosen(killsOf(calls), SAMPLE)) {
      await prepare();
      expect(await applyKilledAt(number, when), `${when} ${call}`).toBe(true);
      await becomesWhole().catch((cause: unknown) => {
        throw new Error(`killed ${when} ${call}`, { cause });
      });
    }
  }

  test(
    "while it creates",
    () =>
      matrix(async () => {
        await project.dso("down");
        expect(await project.left()).toEqual([]);
      }, 3),
    LONG,
  );

  test.each([
    ["it replaces by stop-first", wantNext, 8],
    ["it gives a running container new files", storeNext, 2],
  ] as const)(
    "while %s",
    async (_, prepare, least) => {
      await project.dso("apply -auto-approve");
      await matrix(prepare, least);
    },
    LONG,
  );
});

describe("killed while the engine stops a container that does not listen", () => {
  const deaf = (version: string): string => `services:
  deaf:
    image: ${image}
    command: [sleep, "1000"]
    stop_grace_period: 4s
    restart: always
    environment: { VERSION: "${version}" }
`;

  test.each([
    ["a replacement of it", "two", APPLY],
    ["a down", "one", ["down"]],
  ])("%s: the next run waits for that, and has it run", async (_, wanted, args) => {
    const other = await home.project({ "compose.yaml": deaf("one") }, "deaf");
    const name = `${other.name}-deaf-1`;
    const look = async (): Promise<string> => {
      const format = "{{.State.Running}} {{.State.StartedAt}}";
      return (await home.run("docker", ["inspect", "--format", format, name])).stdout.trim();
    };
    await other.dso("up -d");
    const before = await look();
    await other.write("compose.yaml", deaf(wanted));
    const child = start(args, killer.host, other.dir);
    killer.arm(/\/stop(\?|$)/, "during", () => child.kill("SIGKILL"));
    expect(await once(child, "exit")).toEqual([null, "SIGKILL"]);
    await other.write("compose.yaml", deaf("one"));
    await other.dso("up -d");
    // That very run of it is what the engine was told to end.
    expect(await look()).toMatch(/^true /);
    expect(await look()).not.toBe(before);
    expect((await traceOf(home, other)).openRotations).toEqual([]);
    await other.dso("down");
  });
});

describe("killed at any time", () => {
  test.each([300, 500, 800])("an apply, after %i ms", async (ms) => {
    await wantNext();
    const child = start(APPLY);
    await killAfter(ms, child);
    await becomesWhole();
  });

  test.each([80, 120, 160, 240])("a secret set, after %i ms", async (ms) => {
    const name = "app/counter";
    const get = async (): Promise<string> =>
      (await home.run("dso", ["secret", "get", "--reveal", name])).stdout.trim();
    await home.setSecret(name, "before");
    const child = start(["secret", "set", name]);
    child.stdin.on("error", () => undefined);
    child.stdin.end("during");
    await killAfter(ms, child);
    expect(["before", "during"]).toContain(await get());
    await home.setSecret(name, "after");
    expect(await get()).toBe("after");
  });
});

describe("two at once", () => {
  const ended = async (
    child: ChildProcessWithoutNullStreams,
  ): Promise<readonly [number | null, string]> => {
    let text = "";
    child.stderr.on("data", (data: Buffer) => (text += data.toString()));
    const [code] = (await once(child, "close")) as [number | null];
    return [code, text];
  };

  afterEach(isWhole);

  test("the second is told who has the lock", async () => {
    await wantNext();
    const held = killer.hold();
    const first = ended(start(APPLY, killer.host));
    await Promise.race([held.reached, first]);
    const [code, told] = await ended(start(APPLY));
    held.release();
    expect(code).toBe(1);
    expect(told).toMatch(/locked by process \d+ .*apply of project kill-/);
    expect(await first).toEqual([0, ""]);
  });

  test("or waits for it, and then has nothing to do", async () => {
    await wantNext();
    const waiting = [...APPLY, "-lock-timeout=60s"];
    const results = await Promise.all([ended(start(waiting)), ended(start(waiting))]);
    expect(results).toEqual([
      [0, ""],
      [0, ""],
    ]);
  });
});
