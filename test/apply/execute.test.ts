import { describe, expect, test } from "vitest";
import { COMPOSE, DSO } from "../../src/model/labels.ts";
import { DsoError } from "../../src/model/errors.ts";
import { parseReference } from "../../src/model/parseReference.ts";
import { createWeb, createWorld, desiredOf, known, network, never, planOf } from "./fixture.ts";
import { service, withFile } from "./fixture.ts";

describe("a new project", () => {
  test("gets its network, its container and its files", async () => {
    const world = createWorld();
    const web = service("web", { restart: "always" }, withFile("dsofile://db#password"));
    const outcome = await world.run(desiredOf(web), planOf([network, createWeb]));
    expect(outcome.failed).toEqual([]);
    const made = (await world.engine.inspectContainer("shop-web-1", never))!;
    expect(made.state).toBe("running");
    expect(made.hostConfig.RestartPolicy).toEqual({ Name: "always" });
    expect(made.labels).toMatchObject({
      [COMPOSE.project]: "shop",
      [DSO.version]: "4.0.0",
      [DSO.secrets]: '{"local:db#password":"7"}',
    });
    const generation = made.labels[DSO.generation]!;
    expect(world.generations.get(generation)).toMatchObject({
      service: "web",
      number: 1,
      owner: { uid: 0, gid: 0 },
      versions: { "local:db#password": "7" },
    });
    expect(made.mounts).toMatchObject([{ target: "/run/secrets", writable: false }]);
    expect([...world.rotations.values()]).toMatchObject([
      { method: "create", status: "completed", step: "done", name: "shop-web-1" },
    ]);
    expect(made.labels[DSO.rotation]).toBe([...world.rotations.keys()][0]);
    expect(world.told("operation-completed")).toEqual(["create-network", "create-container"]);
  });

  test("puts an exposed value into the environment, and nowhere else", async () => {
    const world = createWorld();
    const template = ["postgres://app:", parseReference("dso://db#password", known), "@db"];
    const place = { kind: "environment", name: "DATABASE_URL" } as const;
    const web = service(
      "web",
      { environment: { DATABASE_URL: "postgres://app:{{dso://db#password}}@db", LOG: "info" } },
      { bindings: [{ place, template, grade: "exposed", position: undefined }] },
    );
    await world.run(desiredOf(web), planOf([network, createWeb]));
    const made = (await world.engine.inspectContainer("shop-web-1", never))!;
    expect(made.config.Env).toContain("DATABASE_URL=postgres://app:hunter2-value@db");
    expect(made.config.Env).toContain("LOG=info");
    expect(JSON.stringify(made.labels)).not.toContain("hunter2");
    expect(JSON.stringify([world.events, ...world.rotations.values()])).not.toContain("hunter2");
    expect(world.generations.size).toBe(0);
  });

  test("drops the values at the end, whatever comes of it", async () => {
    for (const startError of [undefined, "no such executable"]) {
      const world = createWorld();
      world.engine.addImage("app:1", startError === undefined ? {} : { startError });
      const web = service("web", {}, withFile("dsofile://db#password"));
      await world.run(desiredOf(web), planOf([network, createWeb]));
      expect(world.handedOut).toHaveLength(1);
      expect(() => world.handedOut[0]!.reveal()).toThrow();
    }
  });
});

describe("a container that fails", () => {
  test.each([
    [{ exits: { code: 3 }, log: "cannot open config\n" }, "container-exited"],
    [{ exits: { code: 3, afterLooks: 2 }, log: "cannot open config\n" }, "container-exited"],
    [{ startError: "no such executable" }, "engine-refused"],
  ])("%j leaves nothing behind", async (image, code) => {
    for (const restart of ["no", "always"]) {
      const world = createWorld();
      world.engine.addImage("app:1", image);
      const web = service("web", { restart }, withFile("dsofile://db#password"));
      const outcome = await world.run(desiredOf(web), planOf([network, createWeb]));
      expect(outcome.failed).toMatchObject([{ error: { code } }]);
      expect((await world.engine.listProject("shop", never)).containers).toEqual([]);
      expect(world.generations.size).toBe(0);
      expect([...world.rotations.values()]).toMatchObject([{ status: "failed", error: { code } }]);
      if ("log" in image) expect(world.told("container-log")).toEqual(["cannot open config"]);
    }
  });

  test("says so without the value that its log and the engine repeat", async () => {
    const world = createWorld();
    const log = "refused: hunter2-value\u001b[0m\n";
    world.engine.addImage("app:1", { exits: { code: 1 }, log });
    const web = service("web", {}, withFile("dsofile://db#password"));
    await world.run(desiredOf(web), planOf([network, createWeb]));
    expect(world.told("container-log")).toEqual(["refused: [secret]"]);
    const second = createWorld();
    second.engine.addImage("app:1", { startError: "bad value hunter2-value" });
    const outcome = await second.run(desiredOf(web), planOf([network, createWeb]));
    expect(outcome.failed[0]?.error.message).toBe("service web: bad value [secret]");
    expect(JSON.stringify([second.events, [...second.rotations]])).not.toContain("hunter2");
  });

  test("a one-shot may end with 0, others may not", async () => {
    for (const oneShot of [true, false]) {
      const world = createWorld();
      world.engine.addImage("app:1", { exits: { code: 0 } });
      const plan = planOf([network, { ...createWeb, oneShot }]);
      const outcome = await world.run(desiredOf(service("web")), plan);
      expect(outcome.failed).toHaveLength(oneShot ? 0 : 1);
    }
  });

  test("stops what has not begun, and says which", async () => {
    const world = createWorld();
    world.engine.addImage("app:1", { exits: { code: 3 } });
    const plan = planOf([
      network,
      createWeb,
      { ...createWeb, service: "db", name: "shop-db-1" },
      { kind: "create-volume", volume: "data" },
    ]);
    const outcome = await world.run(desiredOf(service("web"), service("db")), plan);
    expect(outcome.done).toEqual([]);
    expect(outcome.undone.map(({ id }) => id)).toEqual([1]);
    expect(outcome.failed.map(({ operation }) => operation.id)).toEqual([2]);
    expect(outcome.skipped.map(({ id }) => id)).toEqual([3, 4]);
    expect(world.told("operation-skipped")).toEqual(["create-container", "create-volume"]);
    expect(world.told("operation-undone")).toEqual(["create-network"]);
    expect((await world.engine.listProject("shop", never)).networks).toEqual([]);
  });

  test("leaves a network that another one of the run came to use", async () => {
    const world = createWorld();
    world.engine.addImage("broken:1", { exits: { code: 3 } });
    const plan = planOf([network, createWeb, { ...createWeb, service: "db", name: "shop-db-1" }]);
    const db = service("db", { image: "broken:1" });
    const outcome = await world.run(desiredOf(service("web"), db), plan);
    expect(outcome.failed.map(({ operation }) => operation.id)).toEqual([3]);
    expect(outcome.undone).toEqual([]);
    expect((await world.engine.listProject("shop", never)).networks).toHaveLength(1);
  });
});

test("a removed container takes its memory directory along", async () => {
  const world = createWorld();
  const web = service("web", {}, withFile("dsofile://db#password"));
  await world.run(desiredOf(web), planOf([network, createWeb]));
  const containerId = (await world.engine.inspectContainer("shop-web-1", never))!.id;
  const outcome = await world.run(
    desiredOf(),
    planOf([
      { kind: "stop-container", containerId },
      { kind: "remove-container", containerId, name: "shop-web-1", volumes: false },
    ]),
  );
  expect(outcome.failed).toEqual([]);
  expect(world.generations.size).toBe(0);
});

describe("of a removed container", () => {
  /** Removes one whose labels name what the running `shop-web-1` has; answers what it lost by that. */
  async function removeCopy(project: string) {
    const world = createWorld();
    const web = service("web", {}, withFile("dsofile://db#password"));
    await world.run(desiredOf(web), planOf([network, createWeb]));
    const { labels } = (await world.engine.inspectContainer("shop-web-1", never))!;
    const body = { Image: "app:1", Env: [], HostConfig: {} };
    const Labels = { ...labels, [COMPOSE.project]: project };
    const rest = { NetworkingConfig: { EndpointsConfig: {} } };
    const copy = { ...body, ...rest, Labels };
    const containerId = await world.engine.createContainer("copy", copy, {}, never);
    const { addresses } = await world.context(desiredOf());
    const released: string[] = [];
    const release = async (_: string, rotation: string) => void released.push(rotation);
    const plan = planOf([{ kind: "remove-container", containerId, name: "copy", volumes: false }]);
    const options = { addresses: { ...addresses, release } };
    await world.run(desiredOf(), { ...plan, project }, options);
    expect(await world.engine.inspectContainer("copy", never)).toBeUndefined();
    return [...(world.generations.size === 0 ? ["files"] : []), ...released];
  }

  test.each(["shop", "blog"])("in %s, what another one has stays with that", async (project) => {
    expect(await removeCopy(project)).toEqual([]);
  });
});

test("a subnet that somebody takes meanwhile is left to them", async () => {
  const world = createWorld();
  const overlap = new DsoError("engine-conflict", "Pool overlaps with other one");
  world.engine.failOn("createNetwork", 1, overlap);
  const outcome = await world.run(desiredOf(service("web")), planOf([network, createWeb]));
  expect(outcome.failed).toEqual([]);
  const made = await world.engine.inspectNetwork("shop_default", never);
  expect(made?.subnets).toMatchObject([{ ipRange: expect.stringMatching(/\/25$/) as string }]);
});

test("an abort before it begins changes nothing; one in between finishes the step", async () => {
  const world = createWorld();
  const stop = new AbortController();
  const plan = planOf([network, createWeb]);
  const web = desiredOf(service("web"));
  const { engine } = world;
  const outcome = await world.run(web, plan, {
    signal: stop.signal,
    engine: {
      ...engine,
      async startContainer(id, signal) {
        await engine.startContainer(id, signal);
        stop.abort();
      },
    },
  });
  expect(outcome.failed).toMatchObject([{ error: { code: "aborted" } }]);
  expect((await engine.listProject("shop", never)).containers).toEqual([]);
  const again = world.run(web, planOf([createWeb]), { signal: stop.signal });
  await expect(again).rejects.toMatchObject({ code: "aborted" });
});

test("what was done is told, also where the last look for leftovers fails", async () => {
  const world = createWorld();
  const { engine } = world;
  const away = new DsoError("engine-unreachable", "the line is dead");
  const listProject: typeof engine.listProject = (...all) =>
    world.told("operation-completed").length < 2
      ? engine.listProject(...all)
      : Promise.reject(away);
  const more = { engine: { ...engine, listProject } };
  const outcome = await world.run(desiredOf(service("web")), planOf([network, createWeb]), more);
  expect([outcome.done.length, outcome.failed]).toEqual([2, []]);
  expect(world.told("warning")).toEqual(["the line is dead"]);
});

test("nor does a journal that does not let go of a stop", async () => {
  const world = createWorld();
  const desired = desiredOf(service("web"));
  await world.run(desired, planOf([network, createWeb]));
  const { journal } = await world.context(desired);
  const full = new DsoError("disk-full", "no room");
  const { id } = (await world.engine.inspectContainer("shop-web-1", never))!;
  const stop = { kind: "stop-container", containerId: id, name: "shop-web-1" } as const;
  const remove = () => Promise.reject(full);
  const outcome = await world.run(desired, planOf([stop]), { journal: { ...journal, remove } });
  expect([outcome.done.length, outcome.failed]).toEqual([1, []]);
  expect(world.told("warning")).toEqual(["no room"]);
});
