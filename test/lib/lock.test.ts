import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { acquireLock } from "../../src/lib/lock.ts";
import {
  breakLock,
  inspectLock,
  describeSelf,
  type LockOwner,
  parseOwner,
  recordOf,
} from "../../src/lib/lockRecord.ts";
import { isGone, markOf } from "../../src/lib/process.ts";
import { type Child, startChild } from "../fixtures/child.ts";
import { temporaryDirectory } from "../fixtures/temporary.ts";

const never = new AbortController().signal;
const now = { operation: "test", timeoutMs: 0 };

async function startHolder(path: string): Promise<Child> {
  const child = startChild("hold-lock.ts", path);
  expect(await child.line()).toMatch(/^held /);
  return child;
}

test("one owner at a time, and the second learns who the first is", async () => {
  await using dir = await temporaryDirectory();
  const path = join(dir.path, "locks", "vault");
  const lock = await acquireLock(path, { operation: "secret set", timeoutMs: 0 }, never);
  await expect(acquireLock(path, now, never)).rejects.toMatchObject({
    code: "locked",
    message: expect.stringMatching(
      `locked by process ${process.pid} of .+ on .+ \\(secret set\\) since ${lock.owner.created}`,
    ) as string,
    hint: expect.stringContaining(`dso force-unlock ${lock.owner.id}`) as string,
  });
  await lock.assertHeld();
  await lock.release();
  expect(await readdir(join(dir.path, "locks"))).toEqual([]);
  await (await acquireLock(path, now, never)).release();
});

test("waits for a living owner, and stops waiting when told", async () => {
  await using dir = await temporaryDirectory();
  const path = join(dir.path, "lock");
  await using holder = await startHolder(path);
  const stop = new AbortController();
  const stopped = acquireLock(path, { ...now, timeoutMs: 60_000 }, stop.signal);
  stop.abort();
  await expect(stopped).rejects.toMatchObject({ name: "AbortError" });
  const waiting = acquireLock(path, { ...now, timeoutMs: 60_000 }, never);
  holder.process.stdin.end();
  await (await waiting).release();
});

test("a killed owner is taken over, and that is told", async () => {
  await using dir = await temporaryDirectory();
  const path = join(dir.path, "lock");
  await using holder = await startHolder(path);
  holder.process.kill("SIGKILL");
  await holder.ended();
  const previous: LockOwner[] = [];
  const options = { ...now, onTakeover: (owner: LockOwner) => previous.push(owner) };
  const lock = await acquireLock(path, options, never);
  expect(previous.map((owner) => owner.pid)).toEqual([holder.process.pid]);
  expect(inspectLock(path)?.pid).toBe(process.pid);
  await lock.release();
});

test("an owner that ends without releasing leaves nothing", async () => {
  await using dir = await temporaryDirectory();
  const path = join(dir.path, "lock");
  await using holder = await startHolder(path);
  holder.process.kill("SIGTERM");
  await holder.ended();
  expect(inspectLock(path)).toBeUndefined();
});

test("a suspended owner keeps its lock, and learns on waking that it was broken", async () => {
  await using dir = await temporaryDirectory();
  const path = join(dir.path, "lock");
  await using holder = await startHolder(path);
  holder.process.kill("SIGSTOP");
  await expect(acquireLock(path, now, never)).rejects.toMatchObject({ code: "locked" });
  const owner = inspectLock(path);
  expect(breakLock(path, "another")).toBe(false);
  expect(breakLock(path, owner?.id ?? "")).toBe(true);
  const lock = await acquireLock(path, now, never);
  holder.process.kill("SIGCONT");
  expect(await holder.line()).toBe("lost");
  holder.process.stdin.end();
  expect(await holder.line()).toBe("released");
  await lock.assertHeld();
  await lock.release();
});

test("a broken lock is lost for its owner, and releasing it takes nothing from the next", async () => {
  await using dir = await temporaryDirectory();
  const path = join(dir.path, "lock");
  const first = await acquireLock(path, now, never);
  breakLock(path, first.owner.id);
  const second = await acquireLock(path, now, never);
  await expect(first.assertHeld()).rejects.toMatchObject({ code: "lock-lost" });
  await first.release();
  await second.assertHeld();
  await second.release();
});

test("of many that find a dead owner exactly one gets the lock", async () => {
  await using dir = await temporaryDirectory();
  const path = join(dir.path, "lock");
  for (let round = 0; round < 20; round++) {
    const dead = { ...describeSelf("dead", "gone"), startTime: "1" };
    await mkdir(path);
    await writeFile(join(path, "owner-dead"), JSON.stringify(dead));
    const tries = await Promise.allSettled(
      Array.from({ length: 8 }, () => acquireLock(path, now, never)),
    );
    const locks = tries.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
    expect(locks).toHaveLength(1);
    await locks[0]?.release();
  }
  expect(await readdir(dir.path)).toEqual([]);
});

test("four processes that count under the lock lose no step", async () => {
  await using dir = await temporaryDirectory();
  const path = join(dir.path, "lock");
  const counter = join(dir.path, "counter");
  await writeFile(counter, "0");
  const children = Array.from({ length: 4 }, () =>
    startChild("count-under-lock.ts", path, counter, "50"),
  );
  expect(await Promise.all(children.map((child) => child.ended()))).toEqual([0, 0, 0, 0]);
  expect(await readFile(counter, "utf8")).toBe("200");
});

test("what killed processes had prepared is tidied away, what living ones prepare is not", async () => {
  await using dir = await temporaryDirectory();
  const prepare = async (owner: LockOwner): Promise<string> => {
    const name = `.other.lock.${markOf(owner)}.0123456789ab.tmp`;
    await mkdir(join(dir.path, name));
    await writeFile(recordOf(join(dir.path, name), owner), JSON.stringify(owner));
    return name;
  };
  await prepare({ ...describeSelf("dead", "gone"), startTime: "1" });
  const alive = await prepare(describeSelf("alive", "about to take it"));
  await (await acquireLock(join(dir.path, "lock"), now, never)).release();
  expect(await readdir(dir.path)).toEqual([alive]);
});

test("a record whose text was lost with the power still tells whose it was", async () => {
  await using dir = await temporaryDirectory();
  const path = join(dir.path, "lock");
  const owner = describeSelf("owner", "test");
  await mkdir(path);
  await writeFile(recordOf(path, owner), "");
  await expect(acquireLock(path, now, never)).rejects.toMatchObject({
    code: "locked",
    hint: expect.stringContaining("dso force-unlock owner") as string,
  });
  expect(breakLock(path, "owner")).toBe(true);
  await mkdir(path);
  await writeFile(recordOf(path, { ...owner, bootId: "0-f" }), "");
  await (await acquireLock(path, now, never)).release();
});

test("a directory that is no lock is not touched", async () => {
  await using dir = await temporaryDirectory();
  await mkdir(join(dir.path, "lock", "precious"), { recursive: true });
  await expect(acquireLock(join(dir.path, "lock"), now, never)).rejects.toMatchObject({
    code: "state-corrupt",
  });
});

describe("isGone", () => {
  test.each<[string, Partial<LockOwner>, boolean]>([
    ["the process itself", {}, false],
    ["an older record", { created: "2001-01-01T00:00:00.000Z" }, false],
    ["another boot", { bootId: "another" }, true],
    ["another start time: the id was used again", { startTime: "1" }, true],
    ["a process id that nobody has", { pid: 2 ** 22 + 1 }, true],
    [
      "another pid namespace, where ids say nothing",
      { pidNamespace: "pid:[1]", pid: 2 ** 22 + 1 },
      false,
    ],
    ["a damaged record", { pid: 0 }, false],
  ])("%s", async (_name, change, expected) => {
    expect(isGone({ ...describeSelf("x", "test"), ...change })).toBe(expected);
  });

  test("a damaged record still names the id that breaks it", () => {
    for (const text of ["", "{", "null", "7", '{"pid":"1"}']) {
      expect(parseOwner("abc", text)).toMatchObject({ id: "abc", pid: 0, who: "unknown" });
    }
  });
});
