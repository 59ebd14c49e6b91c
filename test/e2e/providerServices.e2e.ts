/** Provider services with a real program: what it gives, when it is asked, and what becomes of its failures. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { chmod, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createHome, type Home, type Project, type RunOptions } from "./cli.ts";
import { ensureTestImage } from "./image.ts";
import { composeOf, nameOf, running, told } from "./sealed.ts";
import { traceOf } from "./witness.ts";

let home: Home;
let image: string;
let bin: string;

/** Tells what lies in the file `answer`, and notes how it was called. */
const PROGRAM = `#!/bin/sh
here=$(dirname "$0")
[ "$2" = metadata ] && exit 1
echo "$@" >> "$here/calls"
[ -e "$here/slow" ] && { sleep 600 & echo "$$ $!" > "$here/slow"; wait; }
[ -e "$here/broken" ] && { echo "out of $(cat "$here/answer")" >&2; exit 7; }
[ "$3" = down ] && exit 0
echo '{"type":"info","message":"making it"}'
echo '{"type":"setenv","message":"URL='$(cat "$here/answer")'"}'
`;

beforeAll(async () => {
  image = await ensureTestImage("base");
  home = await createHome();
  bin = join(home.path, "programs");
  await mkdir(bin);
  await writeFile(join(bin, "scratch"), PROGRAM);
  await chmod(join(bin, "scratch"), 0o755);
});

afterAll(async () => {
  await home[Symbol.asyncDispose]();
});

async function answer(text: string): Promise<void> {
  await writeFile(join(bin, "answer"), text);
}

async function calls(): Promise<readonly string[]> {
  const text = await readFile(join(bin, "calls"), "utf8").catch(() => "");
  return text.split("\n").filter((line) => line !== "");
}

function withProgram(options: RunOptions = {}): RunOptions {
  const PATH = [bin, home.environment["PATH"] ?? ""].join(delimiter);
  return { ...options, environment: { PATH } };
}

async function url(project: Project): Promise<string | undefined> {
  return (await running(home, project, "web")).environment["DB_URL"];
}

/** Everything that DSO keeps of it on disk. */
async function kept(): Promise<string> {
  const root = join(home.path, "dso");
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  const texts = files.map((entry) => readFile(join(entry.parentPath, entry.name), "latin1"));
  return (await Promise.all(texts)).join("\n");
}

test("its variables reach whoever depends on it, sealed, and follow its answer", async () => {
  const [first, second] = ["first-given-8391", "second-given-5527"];
  await answer(first);
  const db = { provider: { type: "scratch", options: { size: ["a", "b"] } } };
  const web = { image, depends_on: ["db"], "x-dso": { health: { exec: ["true"] } } };
  const project = await home.project({ "compose.yaml": composeOf({ db, web }) }, "h4-prov");
  const name = nameOf(project, "web");

  const planned = await project.dso("plan", withProgram());
  expect(planned.stdout).toContain('service.db (provider "scratch") will be asked by its program');
  expect(await calls()).toEqual([]);

  const made = await project.dso("up -d --wait", withProgram());
  expect(made.stdout).toContain("making it");
  const called = `compose --project-name=${project.name} up --size=a --size=b db`;
  expect(await calls()).toEqual([called]);
  expect(await url(project)).toBe(first);
  await project.dso("plan -detailed-exitcode", withProgram());
  expect(await calls()).toHaveLength(1);

  const before = await traceOf(home, project);
  await project.dso("up -d", withProgram());
  expect(await traceOf(home, project)).toEqual(before);

  await answer(second);
  const { stdout } = await project.dso("apply -auto-approve", withProgram());
  expect(stdout).toContain("(blue-green)");
  expect(await url(project)).toBe(second);
  await project.dso("plan -detailed-exitcode", withProgram());
  expect(await kept()).toContain("provider_changed (db)");

  // The program itself is written down nowhere but in its own directory.
  const said = [planned, made].map((one) => one.stdout + one.stderr).join("\n");
  expect(await told(home, [name], [first, second])).toEqual([]);
  for (const value of [first, second]) {
    expect(said + stdout).not.toContain(value);
    expect(await kept()).not.toContain(value);
  }

  await writeFile(join(bin, "broken"), "");
  const standing = await traceOf(home, project);
  await project.write("compose.yaml", composeOf({ db, web: { ...web, hostname: "other" } }));
  const failed = await project.dso("apply -auto-approve", withProgram({ status: 1 }));
  expect(failed.stderr).toContain('provider "scratch" (up) ended with exit code 7');
  expect(await traceOf(home, project)).toEqual(standing);
  const missing = await project.dso("apply -auto-approve", { status: 1 });
  expect(missing.stderr).toContain('there is no provider "scratch"');
  expect(missing.stderr).toContain("docker-scratch");
  expect(await traceOf(home, project)).toEqual(standing);

  await rm(join(bin, "broken"));
  const once = await project.dso("run --rm web env", withProgram());
  expect(once.stdout).toContain(`DB_URL=${second}`);
  expect((await project.newest("ps")).stdout).toContain(name);
  await project.dso("down", withProgram());
  expect((await calls()).at(-1)).toBe(
    `compose --project-name=${project.name} down --size=a --size=b db`,
  );
  const again = await project.dso("down", withProgram());
  expect(again.stdout).toContain("Nothing to destroy");
});

test("one that a killed dso leaves is ended before the next begins", async () => {
  await answer("given-2207");
  const db = { provider: { type: "scratch" } };
  const web = { image, depends_on: ["db"], "x-dso": { health: { exec: ["true"] } } };
  const project = await home.project({ "compose.yaml": composeOf({ db, web }) }, "left");
  for (const [verb, command] of [
    ["up", "apply -auto-approve"],
    ["down", "down"],
  ] as const) {
    const left = await killedAtWork(project, command);
    expect(left.map(isThere)).toEqual([true, true]);
    await rm(join(bin, "calls"));
    const next = await project.dso(command, withProgram());
    const told = `ended a program of an earlier run that was still at work: service "db" (${verb}`;
    expect(next.stdout + next.stderr).toContain(told);
    expect(left.map(isThere)).toEqual([false, false]);
    expect(await calls()).toEqual([`compose --project-name=${project.name} ${verb} db`]);
    if (verb === "up") expect(await url(project)).toBe("given-2207");
  }
  expect(await project.left()).toEqual([]);
});

/** The process of the program that is left, and of one that it has started. */
async function killedAtWork(project: Project, command: string): Promise<readonly number[]> {
  await writeFile(join(bin, "slow"), "");
  const dso = spawn("dso", command.split(" "), {
    ...{ cwd: project.dir, stdio: "ignore" },
    env: { ...home.environment, ...withProgram().environment },
  });
  const pids = (): Promise<string> => readFile(join(bin, "slow"), "utf8");
  await expect.poll(pids).toMatch(/\n/);
  dso.kill("SIGKILL");
  await once(dso, "exit");
  const left = await pids();
  await rm(join(bin, "slow"));
  return left.trim().split(" ").map(Number);
}

/** One that has ended, and that nobody has looked after, is not. */
function isThere(pid: number): boolean {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}
