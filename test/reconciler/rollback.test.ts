import { describe, expect, it } from "vitest";
import { DEFAULT_PLAN_OPTIONS } from "../../src/model/plan.ts";
import { apply, plan } from "../../src/reconciler/reconcile.ts";
import { rollbackTarget } from "../../src/reconciler/rollback.ts";
import { temporaryDirectory } from "../fixtures/temporary.ts";
import { createWorld, never, opened, requestOf, type World } from "./world.ts";

const compose = (web: string, db: string): string => `
services:
  web: { image: app:1, environment: { LOG: ${web}, PASSWORD_FILE: "dsofile://db#password" } }
  db: { image: app:1, environment: { LOG: ${db} }, healthcheck: { test: [CMD, "true"], interval: 1s } }
`;

async function withHistory(work: (world: World) => Promise<void>): Promise<void> {
  await using directory = await temporaryDirectory();
  const world = await createWorld(directory.path);
  world.engine.addImage("app:1");
  await world.converge(compose("one", "one"));
  await world.converge(compose("two", "two"));
  await world.converge(compose("three", "three"));
  await work(world);
}

/** As `dso rollback [service]` does. */
async function rollBack(world: World, service?: string): Promise<number> {
  const { context } = world;
  const { desired, revision } = await rollbackTarget(context, "shop", service, never);
  const report = (): void => undefined;
  const run = await plan(
    context,
    requestOf(""),
    opened(desired),
    DEFAULT_PLAN_OPTIONS,
    report,
    never,
  );
  const settings = { parallelism: 4, force: never, report, remark: { rollbackTo: revision } };
  const { failed } = await apply(context, run, settings, never);
  expect(failed).toEqual([]);
  return revision;
}

async function levels(world: World): Promise<readonly (string | undefined)[]> {
  const { containers } = await world.engine.listProject("shop", never);
  const details = await Promise.all(
    containers.map(({ id }) => world.engine.inspectContainer(id, never)),
  );
  return details.map((one) => one?.config.Env.find((line) => line.startsWith("LOG=")));
}

function given(world: World): readonly string[] {
  return [...world.generations.values()].flatMap(({ versions }) => Object.values(versions));
}

describe("rollback", () => {
  it("brings back the model before the last one, and the next one the model before that", () =>
    withHistory(async (world) => {
      expect(await rollBack(world)).toBe(2);
      expect(await levels(world)).toEqual(["LOG=two", "LOG=two"]);
      expect(await rollBack(world)).toBe(1);
      expect(await levels(world)).toEqual(["LOG=one", "LOG=one"]);
      await expect(rollBack(world)).rejects.toMatchObject({ code: "usage" });
    }));

  it("brings back the versions too", () =>
    withHistory(async (world) => {
      world.secrets["db"]?.push({ password: "newer", user: "u" });
      await world.converge(compose("three", "three"));
      expect(given(world)).toEqual(["2"]);
      await rollBack(world);
      expect(given(world)).toEqual(["1"]);
      expect(await levels(world)).toEqual(["LOG=three", "LOG=three"]);
    }));

  it("takes one service back and leaves the others", () =>
    withHistory(async (world) => {
      await rollBack(world, "web");
      expect(await levels(world)).toEqual(["LOG=three", "LOG=two"]);
      await expect(rollBack(world, "wbe")).rejects.toMatchObject({
        code: "usage",
        hint: "It has db, web.",
      });
    }));

  it("refuses what needs a version that is gone, and touches nothing", () =>
    withHistory(async (world) => {
      world.secrets["db"]?.push({ password: "newer", user: "u" });
      await world.converge(compose("three", "three"));
      delete world.secrets["db"]?.[0];
      const before = world.engine.changes().length;
      await expect(rollBack(world)).rejects.toMatchObject({ code: "secret-version-gone" });
      expect(world.engine.changes()).toHaveLength(before);
    }));

  it("goes on after a new change as if nothing had been", () =>
    withHistory(async (world) => {
      await rollBack(world);
      await world.converge(compose("four", "four"));
      expect(await rollBack(world)).toBe(4);
      expect(await levels(world)).toEqual(["LOG=two", "LOG=two"]);
    }));

  it("wants something earlier", async () => {
    await using directory = await temporaryDirectory();
    const world = await createWorld(directory.path);
    world.engine.addImage("app:1");
    await expect(rollBack(world)).rejects.toMatchObject({ code: "usage" });
    await world.converge(compose("one", "one"));
    await expect(rollBack(world)).rejects.toMatchObject({ code: "usage" });
  });
});
