import { describe, expect, test } from "vitest";
import { recover } from "../../src/apply/recovery/recovery.ts";
import type { ApplyContext } from "../../src/apply/context.ts";
import { DsoError } from "../../src/model/errors.ts";
import type { FakeImage } from "../fakes/engine.ts";
import { database, expectWhole, NAME, replacement, running } from "./database.ts";
import { createWorld, desiredOf, never, planOf } from "./fixture.ts";

describe("replacing stop-first", () => {
  test("never lets two run at once, and ends with the new one under the old name", async () => {
    const world = await running();
    const outcome = await world.run(desiredOf(database("app:2")), replacement(world.oldId));
    expect(outcome.failed).toEqual([]);
    expect(world.engine.changes()).toEqual([
      `createContainer ${NAME}-new`,
      `updateRestartPolicy ${NAME} no`,
      `stopContainer ${NAME}`,
      `renameContainer ${NAME} ${NAME}-old`,
      `renameContainer ${NAME}-new ${NAME}`,
      `startContainer ${NAME}`,
      `updateRestartPolicy ${NAME} unless-stopped`,
      `removeContainer ${NAME}-old`,
    ]);
    await expectWhole(world, "app:2");
    expect(world.told("rotation-step")).toEqual([
      "deliver",
      "create-new",
      "detach-old",
      "stop-old",
      "rename-old",
      "rename-new",
      "start-new",
      "await-health",
      "set-policy",
      "remove-old",
      "drop-generation",
    ]);
    expect(outcome.rotations).toMatchObject([
      {
        status: "completed",
        method: "stop-first",
        versions: { from: { "local:db#password": "7" }, to: { "local:db#password": "7" } },
      },
    ]);
    expect(outcome.downtimes).toHaveLength(1);
    expect(world.told("downtime")).toHaveLength(1);
  });

  test("a generation that belongs to somebody else is not dropped with the old container", async () => {
    const world = await running();
    const desired = desiredOf(database("app:2"));
    const { delivery } = await world.context(desired);
    const dropped: string[] = [];
    const shared: ApplyContext["delivery"] = {
      ...delivery,
      manifest: async (generation) => ({
        ...{ v: 1, generation, project: "other", service: "db", number: 1 },
        ...{ createdAt: "", versions: {}, files: [] },
      }),
      drop: async (generation) => void dropped.push(generation),
    };
    const outcome = await world.run(desired, replacement(world.oldId), { delivery: shared });
    expect(outcome.failed).toEqual([]);
    expect(dropped).toEqual([]);
  });

  test("the journal is always written before the step is done", async () => {
    const world = await running();
    const seen: string[] = [];
    const { engine } = world;
    const spy = async <T>(verb: string, run: () => Promise<T>): Promise<T> => {
      seen.push(`${verb} at ${[...world.rotations.values()].at(-1)?.step}`);
      return run();
    };
    const watched: ApplyContext["engine"] = {
      ...engine,
      createContainer: (...all) => spy("create", () => engine.createContainer(...all)),
      stopContainer: (...all) => spy("stop", () => engine.stopContainer(...all)),
      renameContainer: (...all) => spy("rename", () => engine.renameContainer(...all)),
      startContainer: (...all) => spy("start", () => engine.startContainer(...all)),
      removeContainer: (...all) => spy("remove", () => engine.removeContainer(...all)),
      updateRestartPolicy: (...all) => spy("policy", () => engine.updateRestartPolicy(...all)),
    };
    await world.run(desiredOf(database("app:2")), replacement(world.oldId), { engine: watched });
    expect(seen).toEqual([
      "create at create-new",
      "policy at detach-old",
      "stop at stop-old",
      "rename at rename-old",
      "rename at rename-new",
      "start at start-new",
      "policy at set-policy",
      "remove at remove-old",
    ]);
  });

  test("keeps anonymous volumes, also when the new version fails", async () => {
    const volumes: FakeImage = { detail: { volumes: ["/var/lib/db"] } };
    for (const fails of [false, true]) {
      const world = createWorld();
      world.engine.addImage("app:1", volumes);
      world.engine.addImage("app:2", { ...volumes, ...(fails ? { exits: { code: 1 } } : {}) });
      const first = planOf([
        { kind: "create-network", network: "default" },
        { kind: "create-container", service: "db", number: 1, name: NAME, oneShot: false },
      ]);
      await world.run(desiredOf(database("app:1")), first);
      const mountOf = async () =>
        (await world.engine.inspectContainer(NAME, never))!.mounts.find(
          ({ target }) => target === "/var/lib/db",
        );
      const before = await mountOf();
      const { id } = (await world.engine.inspectContainer(NAME, never))!;
      await world.run(desiredOf(database("app:2")), replacement(id));
      expect(await mountOf()).toEqual(before);
      expect(await world.engine.inspectVolume(before!.name!, never)).toBeDefined();
    }
  });

  test("takes other names where somebody has them", async () => {
    const world = await running();
    for (const suffix of ["new", "old"]) {
      const body = { Image: "app:1", Env: [], Labels: {}, HostConfig: {} };
      const networking = { NetworkingConfig: { EndpointsConfig: {} } };
      await world.engine.createContainer(
        `${NAME}-${suffix}`,
        { ...body, ...networking },
        {},
        never,
      );
    }
    const outcome = await world.run(desiredOf(database("app:2")), replacement(world.oldId));
    expect(outcome.failed).toEqual([]);
    await expectWhole(world, "app:2");
    expect(await world.engine.inspectContainer(`${NAME}-new`, never)).toBeDefined();
    expect(await world.engine.inspectContainer(`${NAME}-old`, never)).toBeDefined();
  });

  const failures: readonly (readonly [string, FakeImage])[] = [
    ["dies at once", { exits: { code: 3 }, log: "bad schema hunter2-value\n" }],
    ["dies soon", { exits: { code: 3, afterLooks: 3 }, log: "bad schema hunter2-value\n" }],
    [
      "never gets healthy",
      { detail: { healthcheckIntervalMs: 1000 }, healthyAfter: 1e6, log: "waiting\n" },
    ],
    [
      "is unhealthy",
      { detail: { healthcheckIntervalMs: 1000 }, unhealthy: true, log: "waiting\n" },
    ],
    ["cannot be started", { startError: "no such executable" }],
  ];

  test.each(failures)("a new version that %s brings the old one back", async (_, image) => {
    const world = await running();
    world.engine.addImage("app:2", image);
    const outcome = await world.run(desiredOf(database("app:2")), replacement(world.oldId));
    expect(outcome.failed).toMatchObject([{ error: { code: "rolled-back" } }]);
    expect(outcome.failed[0]?.error.message).toContain("service db runs as before");
    await expectWhole(world, "app:1");
    expect((await world.engine.inspectContainer(NAME, never))!.id).toBe(world.oldId);
    expect([...world.rotations.values()].at(-1)).toMatchObject({ status: "rolled_back" });
    expect(world.told("rolled-back")).toHaveLength(1);
    if (image.log !== undefined) {
      const shown = image.log.trim().replace("hunter2-value", "[secret]");
      expect(world.told("container-log")).toEqual([shown]);
    }
    expect(JSON.stringify([world.events, [...world.rotations]])).not.toContain("hunter2");
  });

  test("what fails before the old one was touched is told as it is, and it is never stopped", async () => {
    const world = await running();
    world.engine.failOn("createContainer", 1, new DsoError("disk-full", "no space"));
    const outcome = await world.run(desiredOf(database("app:2")), replacement(world.oldId));
    expect(outcome.failed).toMatchObject([{ error: { code: "disk-full", message: "no space" } }]);
    expect(world.told("rolled-back")).toEqual([]);
    expect(world.engine.calls.filter((call) => call.startsWith("stop"))).toEqual([]);
    await expectWhole(world, "app:1");
  });

  test("rollback_on_failure: false leaves both, and says so", async () => {
    const world = await running();
    world.engine.addImage("app:2", { exits: { code: 3 } });
    const policy = { ...database("app:2").policy, rollbackOnFailure: false };
    const desired = desiredOf(database("app:2", { policy }));
    const outcome = await world.run(desired, replacement(world.oldId));
    expect(outcome.failed[0]?.error.message).toContain("both containers were left for you");
    const { containers } = await world.engine.listProject("shop", never);
    expect(containers.map(({ name }) => name)).toEqual([NAME, `${NAME}-old`]);
    expect([...world.rotations.values()].at(-1)).toMatchObject({ status: "failed" });
  });

  test("a stopped container is replaced without being counted as down, and stays so on failure", async () => {
    const world = await running();
    await world.engine.stopContainer(world.oldId, undefined, never);
    world.engine.addImage("app:2", { exits: { code: 3 } });
    await world.run(desiredOf(database("app:2")), replacement(world.oldId));
    expect((await world.engine.inspectContainer(NAME, never))!.state).toBe("exited");
    world.engine.addImage("app:2");
    const outcome = await world.run(desiredOf(database("app:2")), replacement(world.oldId));
    expect(outcome.downtimes).toEqual([]);
    await expectWhole(world, "app:2");
  });

  test("the old container that somebody removes meanwhile leaves the new one in its place", async () => {
    const world = await running();
    const { engine } = world;
    const meddled: ApplyContext["engine"] = {
      ...engine,
      async startContainer(id, signal) {
        const remove = { force: true, volumes: false };
        await engine.removeContainer(world.oldId, remove, signal);
        await engine.startContainer(id, signal);
      },
    };
    const desired = desiredOf(database("app:2"));
    const outcome = await world.run(desired, replacement(world.oldId), { engine: meddled });
    expect(outcome.failed).toEqual([]);
    await expectWhole(world, "app:2");
  });

  test("an old container that is gone already is a stale plan, with nothing done", async () => {
    const world = await running();
    await world.engine.removeContainer(world.oldId, { force: true, volumes: false }, never);
    world.engine.calls.length = 0;
    const outcome = await world.run(desiredOf(database("app:2")), replacement(world.oldId));
    expect(outcome.failed).toMatchObject([{ error: { code: "plan-stale" } }]);
    expect(world.engine.changes()).toEqual([]);
  });

  test("an abort while it waits rolls back; a failed rollback is finished by the next run", async () => {
    const world = await running();
    world.engine.addImage("app:2", { detail: { healthcheckIntervalMs: 1000 }, healthyAfter: 1e6 });
    const stop = new AbortController();
    const clock: ApplyContext["clock"] = {
      ...world.clock,
      async sleep(ms, signal) {
        stop.abort();
        await world.clock.sleep(ms, signal);
      },
    };
    const desired = desiredOf(database("app:2"));
    const options = { clock, signal: stop.signal };
    const outcome = await world.run(desired, replacement(world.oldId), options);
    expect(outcome.failed).toMatchObject([{ error: { code: "aborted" } }]);
    await expectWhole(world, "app:1");

    world.engine.addImage("app:2", { exits: { code: 3 } });
    world.engine.failOn("renameContainer", 3, new DsoError("engine-unreachable", "gone"));
    const second = await world.run(desired, replacement(world.oldId));
    expect(second.failed).toHaveLength(1);
    expect([...world.rotations.values()].at(-1)).toMatchObject({ status: "rolling_back" });
    await recover("shop", await world.context(desired), () => undefined, never);
    await expectWhole(world, "app:1");
  });
});
