/**
 * SIGKILL before any change that `dso init` makes to a disk: the vault is opened by the key file that
 * lies there. A sample that changes with each run; all of it with DSO_KILL_MATRIX=all.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { cp, mkdir, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { chosen, seed } from "../e2e/sample.ts";
import { temporaryDirectory } from "../fixtures/temporary.ts";

const SAMPLE = 3;
const [KILL, MAIN] = ["../fixtures/killOnDisk.ts", "../../src/main.ts"].map((path) =>
  fileURLToPath(new URL(path, import.meta.url)),
) as [string, string];

interface Ended {
  readonly status: number | null;
  readonly output: string;
}

/** `dso` with this home, killed before change number `at` of the disk; 0: not at all. */
async function dso(home: string, args: readonly string[], at = 0, input = ""): Promise<Ended> {
  const env = {
    ...{ HOME: home, PATH: process.env["PATH"] ?? "" },
    ...{ DSO_TEST_CHANGES: join(home, "changes"), DSO_TEST_KILL_AT: String(at) },
  };
  await rm(env.DSO_TEST_CHANGES, { force: true });
  const child = spawn(process.execPath, ["--import", KILL, MAIN, ...args], { env, cwd: home });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (output += text));
  child.stdin.on("error", () => undefined).end(input);
  const [status] = (await once(child, "close")) as [number | null];
  return { status, output };
}

test.each<[string, readonly (readonly string[])[], readonly string[]]>([
  ["makes the first key and vault", [], ["init"]],
  ["changes the key", [["init"], ["secret", "set", "s"]], ["init", "--change-key"]],
])("killed while it %s", async (_, before, args) => {
  await using dir = await temporaryDirectory();
  const [made, home] = [join(dir.path, "made"), join(dir.path, "home")];
  await mkdir(made);
  for (const command of before) {
    expect(await dso(made, command, 0, "hunter2")).toMatchObject({ status: 0 });
  }
  await cp(made, home, { recursive: true });
  expect(await dso(home, args)).toMatchObject({ status: 0 });
  const changes = (await readFile(join(home, "changes"), "utf8")).trim().split("\n");
  const all = changes.map((change, index) => ({ change, at: index + 1 }));
  for (const { change, at } of chosen(all, SAMPLE)) {
    const where = `DSO_SEED=${seed}: before ${change}, number ${at} of ${all.length}`;
    await rm(home, { recursive: true });
    await cp(made, home, { recursive: true });
    expect(await dso(home, args, at), where).toMatchObject({ status: null });
    if (before.length === 0) await dso(home, ["init"]);
    else
      expect(await dso(home, ["secret", "get", "s", "--reveal"]), where).toMatchObject({
        output: "hunter2",
      });
    expect(await dso(home, ["secret", "set", "s"], 0, "next"), where).toMatchObject({ status: 0 });
    expect((await readdir(join(home, ".dso"))).filter((name) => name.endsWith(".tmp"))).toEqual([]);
  }
});
