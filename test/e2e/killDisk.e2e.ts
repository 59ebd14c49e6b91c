/**
 * SIGKILL before any change that DSO makes to a disk: one more run and no person make all whole, and
 * nothing half done is left over. A sample that changes with each run; all of it with
 * DSO_KILL_MATRIX=all (`npm run kill-matrix`).
 */
import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createHome, type Home, type Project, ROOT } from "./cli.ts";
import { ensureTestImage } from "./image.ts";
import { chosen, seed } from "./sample.ts";
import { traceOf } from "./witness.ts";

/** Of each command; it takes its time. */
const SAMPLE = 1;
/** Milliseconds that a matrix may take on a busy machine. */
const LONG = 1_800_000;

let home: Home;
let project: Project;
let image: string;

beforeAll(async () => {
  process.stdout.write(`kills at the disk: DSO_SEED=${seed}\n`);
  image = await ensureTestImage("base");
  home = await createHome();
  await home.setSecret("app/password", "first-value-1234");
  project = await home.project({}, "disk");
  await wantNext();
});

afterAll(async () => {
  await home[Symbol.asyncDispose]();
});

function wantNext(): Promise<void> {
  return project.write(
    "compose.yaml",
    `services:
  app:
    image: ${image}
    environment: { VERSION: "${randomUUID()}", PASSWORD_FILE: dsofile://app/password }
    configs: [{ source: greeting, target: /etc/greeting }]
    volumes: ["data:/data"]
    x-dso: { strategy: signal, signal: SIGURG }
configs: { greeting: { content: "hello" } }
volumes: { data: {} }
`,
  );
}

/** Runs `dso` until change number `at`, or to its end; the changes that it began. */
async function runUntil(
  at: number,
  args: readonly string[],
  input = "",
): Promise<readonly string[]> {
  const list = join(home.path, "changes");
  await rm(list, { force: true });
  const environment = {
    ...home.environment,
    NODE_OPTIONS: `--import=${join(ROOT, "test/fixtures/killOnDisk.ts")}`,
    DSO_TEST_CHANGES: list,
    DSO_TEST_KILL_AT: String(at),
  };
  const child = spawn("dso", args, { cwd: project.dir, env: environment, stdio: "pipe" });
  child.stdout.resume();
  child.stderr.resume();
  child.stdin.on("error", () => undefined).end(input);
  const ended = await once(child, "exit");
  const changes = (await readFile(list, "utf8")).trim().split("\n");
  // Another run may have less to tidy away, and end before.
  const isKilled = at > 0 && changes.length >= at;
  expect(ended).toEqual(isKilled ? [null, "SIGKILL"] : [0, null]);
  return changes;
}

/** All that lies below the home and is nothing of the engine's, or of the user's. */
async function halfDone(): Promise<readonly string[]> {
  const root = home.environment["DSO_HOME"] ?? "";
  const names = await readdir(root, { recursive: true });
  return names.filter((name) => /\.tmp$|\.new$|^locks\/./.test(name));
}

/**
 * The directories in memory that hold a value. One that was only begun holds none, may be another
 * process's, and so is left there for a minute.
 */
async function filled(): Promise<readonly string[]> {
  const root = home.environment["DSO_MEMORY_DIR"] ?? "";
  const ids = (await readdir(root)).filter((name) => !name.startsWith("."));
  const names = await Promise.all(ids.map((id) => readdir(join(root, id))));
  return ids.filter((_, at) => (names[at] ?? []).some((name) => !name.includes("manifest.json")));
}

async function isWhole(): Promise<void> {
  const { left, generations, openRotations } = await traceOf(home, project);
  expect(left).toEqual([
    `container ${project.name}-app-1`,
    `network ${project.name}_default`,
    `volume ${project.name}_data`,
  ]);
  const [mirrored = "", ...others] = generations.filter((one) => one.startsWith("mirror "));
  expect(others).toEqual([]);
  expect(await filled()).toEqual([mirrored.replace("mirror ", "")]);
  expect(openRotations).toEqual([]);
  expect(await halfDone()).toEqual([]);
}

async function storeNext(): Promise<void> {
  await home.run("dso", ["secret", "set", "--no-apply", "app/password"], { input: randomUUID() });
}

const APPLY = ["apply", "-auto-approve"];
const SET = ["secret", "set", "--no-apply", "app/other"];

test.each<[string, () => Promise<unknown>, readonly string[], readonly string[]]>([
  ["creates", () => project.dso("down"), APPLY, APPLY],
  ["replaces", wantNext, APPLY, APPLY],
  ["gives it new files", storeNext, APPLY, APPLY],
  ["takes down", () => project.dso("apply -auto-approve"), ["down"], APPLY],
  ["stores a secret", () => Promise.resolve(), SET, SET],
])(
  "while it %s",
  async (_, prepare, args, again) => {
    await prepare();
    const changes = await runUntil(0, args, "whole");
    const all = changes.map((change, index) => ({ change, at: index + 1 }));
    for (const { change, at } of chosen(all, SAMPLE)) {
      await project.dso("apply -auto-approve");
      await prepare();
      await runUntil(at, args, "half");
      await home.run("dso", again, { cwd: project.dir, input: "whole" });
      await project.dso("apply -auto-approve");
      await isWhole().catch((cause: unknown) => {
        throw new Error(`killed before ${change}, number ${at} of ${all.length}`, { cause });
      });
    }
  },
  LONG,
);
