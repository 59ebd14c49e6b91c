/** bin/dso: what the shell and Node make of a command line before the program sees it. */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { temporaryDirectory } from "../fixtures/temporary.ts";

const DSO = fileURLToPath(new URL("../../bin/dso", import.meta.url));

interface Ran {
  readonly code: unknown;
  readonly stdout: string;
  readonly stderr: string;
}

function dso(cwd: string, ...argv: readonly string[]): Promise<Ran> {
  const env = { PATH: process.env.PATH, HOME: cwd };
  return new Promise((resolve) => {
    execFile(DSO, argv, { cwd, env }, (error, stdout, stderr) => {
      resolve({ code: error?.code ?? 0, stdout, stderr });
    });
  });
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
