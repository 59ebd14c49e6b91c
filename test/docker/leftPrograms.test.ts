/** What a run that is killed leaves of a provider's program, and how the next one ends it. */
import { readFileSync } from "node:fs";
import { access, readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { endLeft } from "../../src/docker/programs/left.ts";
import type { ProcessIdentity } from "../../src/lib/process.ts";
import { startChild } from "../fixtures/child.ts";
import { temporaryDirectory } from "../fixtures/temporary.ts";

const never = new AbortController().signal;

/** Runs the script, which is told of a directory as `$D`; that run is killed `how` far it has come. */
async function killed(
  how: "begun" | "noted",
  script: string,
  work: (left: ProcessIdentity, file: (name: string) => string) => Promise<void>,
): Promise<void> {
  await using directory = await temporaryDirectory();
  const file = (name: string): string => join(directory.path, name);
  await using run = startChild("run-program.ts", how, `D='${directory.path}'; ${script}`);
  const left = JSON.parse(await run.line()) as ProcessIdentity;
  try {
    if (how === "begun") await expect.poll(() => exists(file("ready"))).toBe(true);
    run.process.kill("SIGKILL");
    await run.ended();
    await work(left, file);
  } finally {
    if (isThere(left.pid)) process.kill(-left.pid, "SIGKILL");
  }
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/** One that has ended, and that nobody has looked after, is not. */
function isThere(pid: number): boolean {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}

const AT_WORK = 'sleep 60 & echo $! > "$D/child"; touch "$D/ready"; wait; touch "$D/over"';

test("it is ended, with all that it has started, and may tidy up before", () =>
  killed("begun", `trap 'touch "$D/tidied"; exit' TERM; ${AT_WORK}`, async (left, file) => {
    const child = Number(await readFile(file("child"), "utf8"));
    expect([left.pid, child].map(isThere)).toEqual([true, true]);
    expect(await endLeft(left, never)).toBe("ended");
    expect([left.pid, child].map(isThere)).toEqual([false, false]);
    expect([await exists(file("tidied")), await exists(file("over"))]).toEqual([true, false]);
    expect(await endLeft(left, never)).toBe("gone");
  }));

test("so is one that does not heed it, and one of which only a part does", () =>
  killed("begun", `(trap '' TERM; ${AT_WORK}) & wait`, async (left, file) => {
    const child = Number(await readFile(file("child"), "utf8"));
    expect(await endLeft(left, never)).toBe("ended");
    expect([left.pid, child].map(isThere)).toEqual([false, false]);
  }));

test.each([
  ["another start", { startTime: "1" }, "gone"],
  ["another boot", { bootId: "another" }, "gone"],
  ["another namespace", { pidNamespace: "pid:[1]" }, "untold"],
])("a process of %s is left alone", (_, other, how) =>
  killed("begun", AT_WORK, async (left) => {
    expect(await endLeft({ ...left, ...other }, never)).toBe(how);
    expect(isThere(left.pid)).toBe(true);
  }),
);

test("one that leads no group of its own is left alone", () =>
  killed("begun", AT_WORK, async (left, file) => {
    const pid = Number(await readFile(file("child"), "utf8"));
    const startTime = readFileSync(`/proc/${pid}/stat`, "utf8").split(" ")[21] ?? "";
    expect(await endLeft({ ...left, pid, startTime }, never)).toBe("untold");
    expect([left.pid, pid].map(isThere)).toEqual([true, true]);
  }));

test("killed before its process is noted, it never begins", () =>
  killed("noted", 'touch "$D/ready"', async (left, file) => {
    await expect.poll(() => isThere(left.pid)).toBe(false);
    expect(await exists(file("ready"))).toBe(false);
  }));
