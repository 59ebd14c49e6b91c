import { readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { usersOf } from "../../src/reconciler/rotate.ts";
import type { HistoryEntry, RegisteredProject, StoredModel } from "../../src/reconciler/state.ts";
import { createStateFiles } from "../../src/reconciler/stateFiles.ts";
import { temporaryDirectory } from "../fixtures/temporary.ts";
import { requestOf } from "./world.ts";

const MODEL: StoredModel = {
  ...{
    name: "shop",
    workingDir: "/srv/shop",
    files: ["/srv/shop/compose.yaml"],
    environmentFiles: [],
  },
  ...{ profiles: [], disabledServices: [], services: { web: { image: "app:1" } }, networks: {} },
  ...{ volumes: {}, secrets: {}, configs: {} },
};

function registered(name: string, ...secrets: string[]): RegisteredProject {
  const appliedAt = "2026-01-01T00:00:00.000Z";
  return { name, request: requestOf("services: {}"), engineId: "E", secrets, appliedAt };
}

function entry(summary: string): Omit<HistoryEntry, "revision"> {
  const at = "2026-01-01T00:00:00.000Z";
  return {
    ...{ at, who: "me@here", outcome: "applied", summary, reasons: ["container.web[1]: created"] },
    ...{ versions: { "local:db": "1" }, rollbackTo: undefined, model: MODEL },
  };
}

function failure(summary: string): Omit<HistoryEntry, "revision"> {
  return { ...entry(summary), outcome: "failed", model: undefined };
}

describe("what is remembered of projects", () => {
  it("is there for the next process", async () => {
    await using directory = await temporaryDirectory();
    const written = createStateFiles(join(directory.path, "state"));
    await written.register(registered("shop", "local:db"));
    await written.remember("shop", entry("first"));
    await written.remember("shop", entry("second"));
    await written.setHold("shop", { since: "2026-01-01", who: "me", why: "freeze" });

    const read = createStateFiles(join(directory.path, "state"));
    expect(await read.projects()).toEqual([registered("shop", "local:db")]);
    const history = await read.history("shop");
    expect(history.map(({ revision, summary }) => [revision, summary])).toEqual([
      [2, "second"],
      [1, "first"],
    ]);
    expect(history[0]?.model).toEqual(MODEL);
    expect((await read.hold("shop"))?.why).toBe("freeze");
  });

  it("is all there when several programs answer at once", async () => {
    await using directory = await temporaryDirectory();
    const state = createStateFiles(directory.path);
    const names = ["a", "b", "c", "d"];
    const answer = { form: "f", type: "cloud", versions: { URL: "1" }, at: "2026-01-01" };
    await Promise.all(names.map((name) => state.setAnswer("shop", name, answer)));
    expect(Object.keys(await state.answers("shop"))).toEqual(names);
  });

  it("is kept apart for each project", async () => {
    await using directory = await temporaryDirectory();
    const state = createStateFiles(directory.path);
    await state.register(registered("shop", "local:db"));
    await state.register(registered("shop-2", "local:api", "local:db"));
    await state.remember("shop", entry("of shop"));
    await state.setHold("shop-2", { since: "2026-01-01", who: "me", why: "freeze" });

    expect((await state.projects()).map(({ name }) => name)).toEqual(["shop", "shop-2"]);
    expect(await state.history("shop-2")).toEqual([]);
    expect(await state.hold("shop")).toBeUndefined();
    expect((await usersOf({ state }, "local:db")).map(({ name }) => name)).toEqual([
      "shop",
      "shop-2",
    ]);
    expect((await usersOf({ state }, "local:api")).map(({ name }) => name)).toEqual(["shop-2"]);
    expect(await usersOf({ state }, "local:ap")).toEqual([]);
  });

  it("keeps a hold that is set while somebody writes the history", async () => {
    await using directory = await temporaryDirectory();
    const state = createStateFiles(directory.path);
    const remembering = state.remember("shop", entry("first"));
    await createStateFiles(directory.path).setHold("shop", { since: "", who: "me", why: "freeze" });
    await remembering;
    expect((await state.hold("shop"))?.why).toBe("freeze");
    await state.forget("shop");
    expect(await state.hold("shop")).toBeUndefined();
    expect(await state.history("shop")).toHaveLength(1);
  });

  it("is nothing at first, and a lifted hold is gone", async () => {
    await using directory = await temporaryDirectory();
    const state = createStateFiles(join(directory.path, "state"));
    expect(await state.projects()).toEqual([]);
    expect(await state.history("shop")).toEqual([]);
    await state.setHold("shop", { since: "2026-01-01", who: "me", why: "freeze" });
    await state.setHold("shop", undefined);
    expect(await state.hold("shop")).toBeUndefined();
  });

  it("keeps the history of a project that was taken down", async () => {
    await using directory = await temporaryDirectory();
    const state = createStateFiles(directory.path);
    await state.register(registered("shop"));
    await state.remember("shop", entry("first"));
    await state.forget("shop");
    expect(await state.projects()).toEqual([]);
    expect(await state.history("shop")).toHaveLength(1);
  });

  it("is bounded: a hundred entries, the model of ten, and numbers that go on", async () => {
    await using directory = await temporaryDirectory();
    const state = createStateFiles(directory.path);
    for (let count = 1; count <= 103; count++) await state.remember("shop", entry(String(count)));
    const history = await state.history("shop");
    expect(history).toHaveLength(100);
    expect(history[0]).toMatchObject({ revision: 103, summary: "103" });
    expect(history.at(-1)?.revision).toBe(4);
    expect(history.filter(({ model }) => model !== undefined)).toHaveLength(10);
  });

  it("keeps what can be gone back to, however much has failed since", async () => {
    await using directory = await temporaryDirectory();
    const state = createStateFiles(directory.path);
    for (let count = 1; count <= 11; count++) await state.remember("shop", entry(String(count)));
    for (let count = 1; count <= 120; count++) await state.remember("shop", failure(String(count)));
    const history = await state.history("shop");
    expect(history).toHaveLength(100);
    expect(history[0]).toMatchObject({ revision: 131, summary: "120" });
    const applied = history.filter(({ model }) => model !== undefined);
    expect(applied.map(({ revision }) => revision)).toEqual([11, 10, 9, 8, 7, 6, 5, 4, 3, 2]);
  });

  it.each(["failed", "rolled-back"] as const)(
    "makes one entry of equal ones: %s",
    async (outcome) => {
      await using directory = await temporaryDirectory();
      const state = createStateFiles(directory.path);
      const first = { ...failure("it died"), outcome };
      await state.remember("shop", first);
      await state.remember("shop", { ...first, at: "2026-01-02T00:00:00.000Z" });
      const [only, ...others] = await state.history("shop");
      expect(only).toMatchObject({ revision: 1, at: "2026-01-02T00:00:00.000Z" });
      expect(others).toEqual([]);
    },
  );

  it.each([
    ["somebody else tried", { who: "you@here" }],
    ["it ended otherwise", { summary: "it hung" }],
    ["it was about something else", { reasons: ["container.api[1]: created"] }],
    ["the secret was another one", { versions: { "local:db": "2" } }],
    ["nothing failed", { outcome: "applied" }],
  ] as const)("keeps them apart where %s", async (_, difference) => {
    await using directory = await temporaryDirectory();
    const state = createStateFiles(directory.path);
    await state.remember("shop", { ...failure("it died"), ...difference });
    await state.remember("shop", failure("it died"));
    await state.remember("shop", { ...failure("it died"), ...difference });
    expect(await state.history("shop")).toHaveLength(3);
  });

  it("keeps each of those that succeeded", async () => {
    await using directory = await temporaryDirectory();
    const state = createStateFiles(directory.path);
    await state.remember("shop", entry("done"));
    await state.remember("shop", entry("done"));
    expect(await state.history("shop")).toHaveLength(2);
  });

  it("can be read by people and by nobody else", async () => {
    await using directory = await temporaryDirectory();
    const place = join(directory.path, "state");
    await createStateFiles(place).remember("shop", entry("first"));
    expect(await readdir(place)).toEqual(["project-shop.json"]);
    expect((await stat(place)).mode & 0o777).toBe(0o700);
    expect((await stat(join(place, "project-shop.json"))).mode & 0o777).toBe(0o600);
    expect(await readFile(join(place, "project-shop.json"), "utf8")).toContain('\n  "v": 1');
  });
});

describe("a damaged file", () => {
  it.each(["", "{", "[]", "null", '{"v":2,"history":[]}', '{"v":1,"history":{}}'])(
    "is refused and left as it is: %j",
    async (text) => {
      await using directory = await temporaryDirectory();
      const path = join(directory.path, "project-shop.json");
      await writeFile(path, text, { mode: 0o600 });
      const state = createStateFiles(directory.path);
      const refused = { code: "state-corrupt", message: expect.stringContaining(path) as string };
      await expect(state.history("shop")).rejects.toMatchObject(refused);
      await expect(state.remember("shop", entry("x"))).rejects.toMatchObject(refused);
      await expect(state.projects()).rejects.toMatchObject(refused);
      expect(await readFile(path, "utf8")).toBe(text);
      await state.remember("other", entry("still works"));
    },
  );
});
