import { readFile, stat, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { DsoError } from "../../src/model/errors.ts";
import { open, plan } from "../../src/reconciler/reconcile.ts";
import {
  readSavedPlan,
  savePlan,
  verifySavedPlan,
  type SavedPlan,
} from "../../src/reconciler/savedPlan.ts";
import { temporaryDirectory } from "../fixtures/temporary.ts";
import { fakeShim } from "../apply/ports.ts";
import { createWorld, never, type World } from "./world.ts";

const compose = (level: string): string => `
services:
  web:
    image: app:1
    environment: { LOG: ${level}, PASSWORD: "dso://db#password", HIDDEN: "\${HIDDEN}" }
  db: { image: app:1, volumes: ["data:/data"] }
volumes: { data: }
`;

interface Scene extends World {
  readonly file: string;
  /** As `dso apply FILE` does: reads it, plans again and compares. */
  readonly verify: (changed?: string) => Promise<SavedPlan>;
}

async function withSavedPlan(work: (scene: Scene) => Promise<void>): Promise<void> {
  await using directory = await temporaryDirectory();
  const world = await createWorld(directory.path);
  world.engine.addImage("app:1");
  world.variables["HIDDEN"] = "hush-hush";
  await world.converge(compose("info"));
  const file = join(directory.path, "changes.plan");
  await savePlan(world.context, await world.plan(compose("debug")), file);
  const verify = async (changed = compose("debug")): Promise<SavedPlan> => {
    const saved = await readSavedPlan(world.context, file);
    await verifySavedPlan(world.context, file, saved, await world.plan(changed));
    return saved;
  };
  await work({ ...world, file, verify });
}

async function refusal(promise: Promise<unknown>): Promise<string> {
  const error: unknown = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof DsoError)) throw new Error(`not refused: ${String(error)}`);
  return `${error.code}: ${error.message}`;
}

describe("a saved plan", () => {
  it("is good while nothing moves, and its run can be applied", () =>
    withSavedPlan(async ({ verify, ...world }) => {
      const { request, plan: saved } = await verify();
      expect(saved.changes.map(({ address }) => address)).toEqual(["container.web[1]"]);
      const opened = await open(world.context, request, never);
      const run = await plan(world.context, request, opened, saved.options, () => undefined, never);
      expect((await world.apply(run)).failed).toEqual([]);
      expect((await world.plan(compose("debug"))).plan.operations).toEqual([]);
    }));

  it("holds no value and no private text, and only its owner reads it", () =>
    withSavedPlan(async ({ file, context, plan: look, variables }) => {
      variables["HIDDEN"] = "other-words";
      const run = await look(compose("info"));
      expect(run.plan.changes.flatMap(({ attributes }) => attributes)).toMatchObject([
        { path: "environment.HIDDEN", before: "hush-hush", after: "other-words" },
      ]);
      await savePlan(context, run, file);
      const text = await readFile(file, "utf8");
      expect(text).toContain("local:db#password");
      expect(text).not.toMatch(/hush-hush|other-words|"one"/);
      expect((await stat(file)).mode & 0o777).toBe(0o600);
    }));

  it("does not mind health, restarts and time below a day", () =>
    withSavedPlan(async ({ engine, verify, pass }) => {
      engine.setHealth("shop-web-1", "unhealthy");
      pass(23 * 3_600_000);
      await verify();
    }));
});

describe("a saved plan is stale when", () => {
  const moves: readonly (readonly [string, (scene: Scene) => Promise<unknown>, string])[] = [
    [
      "a container was replaced",
      async ({ engine, plan: look, apply }) => {
        await engine.removeContainer("shop-db-1", { force: true, volumes: false }, never);
        await apply(await look(compose("info")));
      },
      "container shop-db-1 was replaced (by dso 4.0.0)",
    ],
    [
      "a container was removed",
      ({ engine }) => engine.removeContainer("shop-db-1", { force: true, volumes: false }, never),
      "container shop-db-1 is gone.",
    ],
    [
      "a container was stopped",
      ({ engine }) => engine.stopContainer("shop-web-1", undefined, never),
      "container shop-web-1 was stopped.",
    ],
    [
      "a container lost its network",
      ({ engine }) => engine.disconnectNetwork("shop_default", "shop-web-1", never),
      "container shop-web-1 was changed.",
    ],
    [
      "a secret has a new version",
      ({ secrets }) => Promise.resolve(secrets["db"]?.push({ password: "two", user: "u" })),
      "secret local:db went from version 1 to 2.",
    ],
    [
      "somebody made another container",
      async ({ converge }) => converge(compose("info").replace("db: { ", "db: { scale: 2, ")),
      "container shop-db-2 is new (by dso 4.0.0)",
    ],
    [
      "somebody made another network",
      async ({ converge }) =>
        converge(
          `${compose("info").replace("db: { ", "db: { networks: [back], ")}networks: { back: }`,
        ),
      "network shop_back is new",
    ],
    [
      "its image was made anew",
      ({ engine }) => {
        engine.addImage("app:1", { detail: { id: "sha256:other" } });
        return Promise.resolve();
      },
      "image app:1 was made anew",
    ],
    [
      "the program that seals is gone",
      ({ context }) => Promise.resolve(Object.assign(context, { shim: fakeShim(false) })),
      "the program that seals variables is gone",
    ],
    [
      "a container lost what was in memory",
      ({ generations }) => {
        generations.clear();
        return Promise.resolve();
      },
      "container shop-web-1 lost what it was given in memory",
    ],
    [
      "a day has passed",
      async ({ pass }) => {
        pass(24 * 3_600_000 + 1);
        return Promise.resolve();
      },
      "a plan is good for 24 hours",
    ],
  ];

  it.each(moves)("%s", (_, move, message) =>
    withSavedPlan(async (scene) => {
      await move(scene);
      const said = await refusal(scene.verify());
      expect(said).toMatch(/^plan-stale: The saved plan can no longer be applied: /);
      expect(said).toContain(message);
    }),
  );

  it("the files were edited", () =>
    withSavedPlan(async ({ verify }) => {
      expect(await refusal(verify(compose("warn")))).toContain(
        "the compose files or their variables",
      );
    }));

  it("it was made for another engine", () =>
    withSavedPlan(async ({ file, verify }) => {
      const text = await readFile(file, "utf8");
      await writeFile(file, text.replaceAll("FAKE:ENGINE", "OTHER:ENGINE"));
      expect(await refusal(verify())).toContain("it was made for another engine");
    }));

  it("dso itself worked on the project, and it says when and who", () =>
    withSavedPlan(async ({ verify, pass, converge }) => {
      pass(60_000);
      await converge(compose("warn"));
      expect(await refusal(verify())).toMatch(
        /dso last worked on it at 2026-\S+, run by me@here \(pid 1\)/,
      );
    }));
});

describe("a plan file is refused when", () => {
  const edits: readonly (readonly [string, (text: string) => string, string])[] = [
    [
      "an operation was edited",
      (text) => text.replace('"number":1', '"number":7'),
      "does not say what dso plans now: it was edited",
    ],
    [
      "an operation was added",
      (text) =>
        text.replace(
          '"operations":[',
          '"operations":[{"id":9,"after":[],"address":"x","why":"x","kind":"stop-container"},',
        ),
      "does not say what dso plans now: it was edited",
    ],
    [
      "a change in it is none",
      (text) => text.replace('"changes":[', '"changes":[{"address":"container.web[1]"},'),
      "is not a plan of dso",
    ],
    [
      "its options are missing",
      (text) => text.replace(/"options":\{[^}]*\{\}[^}]*\}/, '"options":{}'),
      "is not a plan of dso",
    ],
    [
      "it does not say where the files lie",
      (text) => text.replace(/"request":\{.*?\}/, '"request":{}'),
      "is not a plan of dso",
    ],
    [
      "its options were edited",
      (text) => text.replace('"removeOrphans":"ours"', '"removeOrphans":"all"'),
      "does not say what dso plans now: it was edited",
    ],
    ["it is no JSON", (text) => text.slice(0, -20), "is not a plan of dso"],
    [
      "it is of another form",
      (text) => text.replace('"formatVersion":1', '"formatVersion":2'),
      "or of another release",
    ],
    ["it is something else", () => "{}", "is not a plan of dso"],
  ];

  it.each(edits)("%s", (_, edit, message) =>
    withSavedPlan(async ({ file, verify }) => {
      await writeFile(file, edit(await readFile(file, "utf8")));
      const said = await refusal(verify());
      expect(said).toMatch(/^plan-invalid: /);
      expect(said).toContain(message);
    }),
  );

  it("it is not there", () =>
    withSavedPlan(async ({ context }) => {
      expect(await refusal(readSavedPlan(context, "/nowhere/changes.plan"))).toMatch(
        /^plan-invalid: There is no/,
      );
    }));

  it("it is larger than any plan, unread", () =>
    withSavedPlan(async ({ file, context }) => {
      await truncate(file, 2 ** 24 + 1);
      expect(await refusal(readSavedPlan(context, file))).toContain("at most 16777216 are read");
    }));

  it("its date lies in the future", () =>
    withSavedPlan(async ({ file, verify }) => {
      const text = await readFile(file, "utf8");
      await writeFile(file, text.replace('"createdAt":"2026', '"createdAt":"2027'));
      expect(await refusal(verify())).toMatch(/^plan-stale: /);
    }));
});
