/** The program in a process of its own: what the shell, Node and the streams make of it. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { temporaryDirectory } from "../fixtures/temporary.ts";

const DSO = fileURLToPath(new URL("../../bin/dso", import.meta.url));

function start(cwd: string, ...argv: readonly string[]) {
  const env = { PATH: process.env.PATH, HOME: cwd, DOCKER_HOST: `unix://${cwd}/none.sock` };
  return spawn(DSO, argv, { cwd, env });
}

async function codeOf(child: ChildProcess): Promise<unknown> {
  const [code, signal] = (await once(child, "exit")) as [number | null, string | null];
  return code ?? signal;
}

async function dso(cwd: string, ...argv: readonly string[]) {
  const child = start(cwd, ...argv);
  const parts = [codeOf(child), text(child.stdout), text(child.stderr)] as const;
  const [code, stdout, stderr] = await Promise.all(parts);
  return { code, stdout, stderr };
}

it("leaves --env-file to the program: Node would run what such a file names", async () => {
  await using dir = await temporaryDirectory();
  const at = (name: string): string => join(dir.path, name);
  await writeFile(at("compose.yaml"), "name: ${NAME}\nservices: { web: { image: web:1 } }\n");
  await writeFile(at("evil.cjs"), `require("fs").writeFileSync(${JSON.stringify(at("ran"))}, "")`);
  await writeFile(at("x.env"), `NAME=shop\nNODE_OPTIONS=--require=${at("evil.cjs")}\n`);
  for (const argv of [
    ["validate", "--env-file", "x.env"],
    ["validate", "--env-file=x.env"],
    ["--env-file=x.env", "validate"],
  ]) {
    expect((await dso(dir.path, ...argv)).stdout).toContain("Valid: project shop");
  }
  const unknown = await dso(dir.path, "validate", "--env-file-if-exists=x.env");
  expect(unknown.stderr).toContain('no flag "--env-file-if-exists=x.env"');
  const missing = await dso(dir.path, "validate", "--env-file", "none.env");
  expect(missing.code).toBe(1);
  expect(missing.stderr).toContain("none.env does not exist");
  expect(existsSync(at("ran"))).toBe(false);
});

it("names a project after the link that the shell is in, and not after a directory that it has left", async () => {
  await using dir = await temporaryDirectory();
  const real = join(dir.path, "v3");
  await mkdir(real);
  await symlink("v3", join(dir.path, "current"));
  await writeFile(join(real, "compose.yaml"), "services: { web: { image: web:1 } }\n");
  for (const [PWD, name] of [
    [join(dir.path, "current"), "current"],
    [dir.path, "v3"],
    [join(dir.path, "gone"), "v3"],
  ]) {
    const child = spawn(DSO, ["validate"], {
      cwd: real,
      env: { PATH: process.env.PATH, HOME: dir.path, PWD },
    });
    const [, stdout] = await Promise.all([codeOf(child), text(child.stdout)]);
    expect(stdout).toContain(`Valid: project ${name}`);
  }
});

it("goes on to its own end when the reader of its output has gone", async () => {
  await using dir = await temporaryDirectory();
  // It prints a warning about the first file, and then fails at the second.
  await writeFile(join(dir.path, "dso.yaml"), "agent:\n  concurrency: 3\n");
  const compose = "services: { web: { image: web:1, depends_on: [db] } }\n";
  await writeFile(join(dir.path, "compose.yaml"), compose);
  const child = start(dir.path, "validate");
  child.stdout.destroy();
  const [code, stderr] = await Promise.all([codeOf(child), text(child.stderr)]);
  expect(code).toBe(1);
  expect(stderr).toContain("depends on db, which is not there");
});

it("says so where its output could not be written, and fails", async () => {
  await using dir = await temporaryDirectory();
  const env = { PATH: process.env.PATH, HOME: dir.path };
  const child = spawn("sh", ["-c", '"$0" help plan >/dev/full', DSO], { env });
  const [code, stderr] = await Promise.all([codeOf(child), text(child.stderr)]);
  expect(code).toBe(1);
  expect(stderr).toContain("ENOSPC");
});

it("ends what would show for ever when its reader has gone", async () => {
  await using dir = await temporaryDirectory();
  const child = start(dir.path, "status", "--watch");
  const ended = codeOf(child);
  await once(child.stdout, "data");
  child.stdout.destroy();
  expect(await ended).toBe(0);
});

it("speaks of no step to finish where it only shows", async () => {
  await using dir = await temporaryDirectory();
  const child = start(dir.path, "status", "--watch");
  const ended = Promise.all([codeOf(child), text(child.stderr)]);
  await once(child.stdout, "data");
  child.kill("SIGINT");
  expect(await ended).toEqual([0, "\n"]);
});
