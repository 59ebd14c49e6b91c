import { describe, expect, test } from "vitest";
import { createWeb, createWorld, desiredOf, network, never, planOf, service } from "./fixture.ts";

describe("a dependency", () => {
  const database = { ...createWeb, service: "db", name: "shop-db-1" };
  const wait = { kind: "wait-service", service: "db", required: true } as const;

  test("is waited for until it is healthy", async () => {
    const world = createWorld();
    world.engine.addImage("app:1", { detail: { healthcheckIntervalMs: 1000 }, healthyAfter: 12 });
    const plan = planOf([network, database, { ...wait, condition: "service_healthy" }]);
    const outcome = await world.run(desiredOf(service("db")), plan);
    expect(outcome.failed).toEqual([]);
    expect((await world.engine.inspectContainer("shop-db-1", never))?.health).toBe("healthy");
  });

  test.each([
    [
      { detail: { healthcheckIntervalMs: 1000 }, unhealthy: true, healthyAfter: 9 },
      /did not become healthy/,
    ],
    [
      {
        detail: { healthcheckIntervalMs: 1000 },
        healthyAfter: 99,
        exits: { code: 2, afterLooks: 9 },
      },
      /ended with 2/,
    ],
    [{}, /has no healthcheck/],
  ])("that this run made and that fails (%j) is taken away", async (image, message) => {
    const world = createWorld();
    world.engine.addImage("app:1", image);
    const plan = planOf([network, database, { ...wait, condition: "service_healthy" }, createWeb]);
    const outcome = await world.run(desiredOf(service("db"), service("web")), plan);
    expect(outcome.failed).toMatchObject([{ error: { code: "dependency-failed" } }]);
    expect(outcome.failed[0]?.error.message).toMatch(message);
    expect(outcome.skipped.map(({ kind }) => kind)).toEqual(["create-container"]);
    expect(outcome.undone.map(({ kind }) => kind)).toEqual(["create-network", "create-container"]);
    const nothing = { containers: [], networks: [], volumes: [] };
    expect(await world.engine.listProject("shop", never)).toEqual(nothing);
  });

  test("that nothing requires may fail: it is said, and stays", async () => {
    const world = createWorld();
    world.engine.addImage("app:1", { detail: { healthcheckIntervalMs: 1000 }, unhealthy: true });
    const plan = planOf([
      network,
      database,
      { ...wait, required: false, condition: "service_healthy" },
    ]);
    const outcome = await world.run(desiredOf(service("db")), plan);
    expect(outcome.failed).toEqual([]);
    expect(world.told("warning")).toEqual([expect.stringContaining("nothing requires it")]);
    expect(await world.engine.inspectContainer("shop-db-1", never)).toBeDefined();
  });

  test.each([0, 4])("that is to complete and ends with %i", async (code) => {
    const world = createWorld();
    world.engine.addImage("app:1", { exits: { code, afterLooks: 50 } });
    const plan = planOf([
      network,
      { ...database, oneShot: true },
      { ...wait, condition: "service_completed_successfully" },
    ]);
    const outcome = await world.run(desiredOf(service("db")), plan);
    expect(outcome.failed).toHaveLength(code === 0 ? 0 : 1);
    if (code !== 0) expect(outcome.failed[0]?.error.message).toContain("ended with 4");
  });
});
