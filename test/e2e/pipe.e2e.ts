/** `dso … | head`: a reader that goes takes nothing with it that is being changed. */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createHome, type Home, type Project } from "./cli.ts";
import { ensureTestImage } from "./image.ts";

let home: Home;
let project: Project;

beforeAll(async () => {
  const image = await ensureTestImage("base");
  home = await createHome();
  const command = `[sh, -c, "while echo line; do sleep 1; done"]`;
  const service = `{ image: "${image}", command: ${command}, init: true, stop_grace_period: 1s }`;
  project = await home.project({
    "compose.yaml": `services:\n  one: ${service}\n  two: ${service}\n`,
  });
});

afterAll(() => home[Symbol.asyncDispose]());

function start(...args: readonly string[]): ChildProcessWithoutNullStreams {
  const child = spawn("dso", args, { cwd: project.dir, env: home.environment, stdio: "pipe" });
  child.stderr.resume();
  return child;
}

/** Its exit code, the reader having gone as soon as it had read these words. */
async function readUntil(words: string, child: ChildProcessWithoutNullStreams): Promise<unknown> {
  // When all that it has said has been read, too.
  const end = once(child, "close");
  let seen = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    seen += text;
    if (seen.includes(words)) child.stdout.destroy();
  });
  const [code] = (await end) as [number | null];
  expect(seen).toContain(words);
  return code;
}

async function expectAllRuns(): Promise<void> {
  const { stdout } = await home.run("docker", ["ps", "--format", "{{.Names}}"]);
  expect(stdout).toContain(`${project.name}-one-1`);
  expect(stdout).toContain(`${project.name}-two-1`);
  await project.dso("plan -detailed-exitcode");
}

test("an apply goes on to its end", async () => {
  expect(await readUntil("DSO will perform", start("up", "-d"))).toBe(0);
  await expectAllRuns();
});

test("what is attached or follows ends, and the containers run on", async () => {
  expect(await readUntil("line", start("logs", "-f"))).toBe(0);
  expect(await readUntil("line", start("up"))).toBe(0);
  await expectAllRuns();
});

test("a removal goes on to its end", async () => {
  expect(await readUntil("DSO will perform", start("down"))).toBe(0);
  expect(await project.left()).toEqual([]);
});
