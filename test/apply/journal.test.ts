import fc from "fast-check";
import { mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createJournal, isOpen } from "../../src/apply/journal/journal.ts";
import type { Rotation, RotationStatus } from "../../src/model/journal.ts";

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "dso-journal-"));
});

afterEach(() => {
  rmSync(directory, { recursive: true });
});

function rotation(id: string, status: RotationStatus = "in_progress"): Rotation {
  return {
    id,
    project: "shop",
    service: "web",
    number: 1,
    name: "shop-web-1",
    method: "stop-first",
    status,
    step: "deliver",
    why: "secret_rotated",
    startedAt: "2026-01-01T00:00:00.000Z",
    updatedAt: "2026-01-01T00:00:00.000Z",
    old: undefined,
    new: undefined,
    versions: { from: {}, to: {} },
    error: undefined,
  };
}

test("what was written is there for the next process, readable by people, for nobody else", async () => {
  await createJournal(directory).write(rotation("a"));
  await createJournal(directory).write({ ...rotation("a"), step: "stop-old" });
  const path = join(directory, "rotations-shop.json");
  expect((await createJournal(directory).list("shop")).map(({ step }) => step)).toEqual([
    "stop-old",
  ]);
  expect(readFileSync(path, "utf8")).toMatch(/\n {4}"step": "stop-old",\n/);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(await createJournal(directory).list("blog")).toEqual([]);
});

test("writers of one process lose nothing of each other", async () => {
  const journal = createJournal(directory);
  const ids = Array.from({ length: 20 }, (_, index) => `r${index}`);
  await Promise.all(ids.map((id) => journal.write(rotation(id))));
  expect((await journal.list("shop")).map(({ id }) => id)).toEqual(ids);
});

test("what is removed is gone, and nothing else", async () => {
  const journal = createJournal(directory);
  for (const id of ["a", "b", "c"]) await journal.write(rotation(id));
  await journal.remove("shop", new Set(["a", "c", "d"]));
  expect((await createJournal(directory).list("shop")).map(({ id }) => id)).toEqual(["b"]);
});

test("a damaged journal is an error that names it and its backup, and stays as it is", async () => {
  const journal = createJournal(directory);
  await journal.write(rotation("a"));
  await journal.write(rotation("b"));
  const path = join(directory, "rotations-shop.json");
  const good = readFileSync(path, "utf8");
  for (const text of [
    "",
    good.slice(0, -20),
    "null",
    '[{"id":"a"}]',
    good.replace("in_pro", "x"),
  ]) {
    writeFileSync(path, text);
    const refusal = {
      code: "state-corrupt",
      hint: expect.stringContaining(`${path}.bak`) as string,
    };
    await expect(journal.list("shop")).rejects.toMatchObject(refusal);
    await expect(journal.write(rotation("c"))).rejects.toMatchObject(refusal);
    expect(readFileSync(path, "utf8")).toBe(text);
  }
  const backup = JSON.parse(readFileSync(`${path}.bak`, "utf8")) as Rotation[];
  expect(backup.map(({ id }) => id)).toEqual(["a"]);
});

test("a symbolic link in its place is refused", async () => {
  writeFileSync(join(directory, "elsewhere"), "[]", { mode: 0o600 });
  symlinkSync("elsewhere", join(directory, "rotations-shop.json"));
  await expect(createJournal(directory).list("shop")).rejects.toMatchObject({
    code: "state-corrupt",
  });
});

test("keeps what somebody still has to look at, and thirty of the rest, the newest", async () => {
  const statuses = ["completed", "failed", "rolled_back", "in_progress", "rolling_back"] as const;
  const anyStatus = fc.constantFrom(...statuses, "rollback_required" as const);
  await fc.assert(
    fc.asyncProperty(fc.array(anyStatus, { minLength: 50, maxLength: 70 }), async (all) => {
      const fresh = mkdtempSync(join(directory, "run-"));
      const entries = all.map((status, index) => rotation(`r${index}`, status));
      const path = join(fresh, "rotations-shop.json");
      writeFileSync(path, JSON.stringify(entries.slice(0, -1)), { mode: 0o600 });
      const journal = createJournal(fresh);
      await journal.write(entries.at(-1)!);
      const kept = await journal.list("shop");
      const needed = (one: Rotation) => isOpen(one) || one.status === "rollback_required";
      expect(kept.filter(needed)).toEqual(
        JSON.parse(JSON.stringify(entries.filter(needed))) as Rotation[],
      );
      expect(kept.filter((one) => !needed(one)).map(({ id }) => id)).toEqual(
        entries
          .filter((one) => !needed(one))
          .slice(-30)
          .map(({ id }) => id),
      );
    }),
    { numRuns: 5 },
  );
});

const PROGRAM = { pid: 71, bootId: "b", pidNamespace: "pid:[1]", startTime: "9" };

test("programs at work are noted by service, all of those that begin at once", async () => {
  const journal = createJournal(directory);
  expect(await journal.programs("shop")).toEqual({});
  const call = { project: "shop", verb: "up" } as const;
  const services = ["a", "b", "c"];
  await Promise.all(services.map((service) => journal.noteProgram({ ...call, service }, PROGRAM)));
  const next = createJournal(directory);
  expect(Object.keys(await next.programs("shop")).sort()).toEqual(services);
  expect(await next.programs("shop")).toMatchObject({ a: { verb: "up", ...PROGRAM } });
  await next.noteProgram({ ...call, service: "b" }, undefined);
  expect(Object.keys(await createJournal(directory).programs("shop")).sort()).toEqual(["a", "c"]);
  expect(await next.projects()).toEqual([]);
});

test.each([0, 1, -5, "71", undefined])("a note of the process %s is damaged", async (pid) => {
  const program = { ...PROGRAM, pid, verb: "up" };
  const options = { mode: 0o600 };
  writeFileSync(join(directory, "programs-shop.json"), JSON.stringify({ db: program }), options);
  const noted = createJournal(directory).programs("shop");
  await expect(noted).rejects.toMatchObject({ code: "state-corrupt" });
});
