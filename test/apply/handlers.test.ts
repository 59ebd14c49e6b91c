import { describe, expect, test } from "vitest";
import type { ApplyContext } from "../../src/apply/context.ts";
import { DsoError } from "../../src/model/errors.ts";
import { COMPOSE } from "../../src/model/labels.ts";
import type { BuildRequest } from "../../src/model/build.ts";
import { createWeb, createWorld, desiredOf, network, never, planOf, service } from "./fixture.ts";

async function withWeb() {
  const world = createWorld();
  const desired = desiredOf(service("web", { restart: "always" }));
  await world.run(desired, planOf([network, createWeb]));
  const look = async () => (await world.engine.inspectContainer(containerId, never))!;
  const { id: containerId } = (await world.engine.inspectContainer("shop-web-1", never))!;
  world.engine.calls.length = 0;
  return { world, desired, containerId, look };
}

describe("containers that exist", () => {
  test("are started, restarted, unpaused and renamed", async () => {
    const { world, desired, containerId, look } = await withWeb();
    await world.engine.stopContainer(containerId, undefined, never);
    await world.run(desired, planOf([{ kind: "start-container", service: "web", containerId }]));
    expect((await look()).state).toBe("running");
    const before = await look();
    await world.run(desired, planOf([{ kind: "restart-container", service: "web", containerId }]));
    expect((await look()).pid).not.toBe(before.pid);
    world.engine.pause(containerId);
    await world.run(desired, planOf([{ kind: "unpause-container", containerId }]));
    expect((await look()).state).toBe("running");
    const rename = { kind: "rename-container", containerId, name: "shop-web-7" } as const;
    await world.run(desired, planOf([rename]));
    expect((await look()).name).toBe("shop-web-7");
  });

  test("are stopped in the time that the plan gives", async () => {
    const { world, desired, containerId } = await withWeb();
    const plan = planOf([{ kind: "stop-container", containerId }], { stopTimeout: 42 });
    await world.run(desired, plan);
    expect(world.engine.changes()).toEqual(["stopContainer shop-web-1 42"]);
  });

  test("are stopped once that is in the journal, which keeps no entry of it", async () => {
    const { world, desired, containerId } = await withWeb();
    const seen: string[] = [];
    const { engine } = world;
    const { journal } = await world.context(desired);
    const watched: Partial<ApplyContext> = {
      engine: {
        ...engine,
        stopContainer: (...all) => {
          seen.push("stop");
          return engine.stopContainer(...all);
        },
      },
      journal: {
        ...journal,
        write: (rotation) => {
          seen.push(`write ${rotation.method} of ${rotation.name} ${rotation.status}`);
          return journal.write(rotation);
        },
      },
    };
    await world.run(desired, planOf([{ kind: "stop-container", containerId }]), watched);
    expect(seen).toEqual(["write stop of shop-web-1 in_progress", "stop"]);
    expect([...world.rotations.values()].map(({ method }) => method)).toEqual(["create"]);
  });

  test("that die when they are started again are told of, and stay", async () => {
    const { world, desired, containerId, look } = await withWeb();
    await world.engine.stopContainer(containerId, undefined, never);
    const { engine } = world;
    const dying: ApplyContext["engine"] = {
      ...engine,
      async startContainer(id, signal) {
        await engine.startContainer(id, signal);
        engine.writeLog(id, "no disk\n");
        engine.crash(id, 5);
      },
    };
    const plan = planOf([{ kind: "start-container", service: "web", containerId }]);
    const outcome = await world.run(desired, plan, { engine: dying });
    expect(outcome.failed).toMatchObject([{ error: { code: "container-exited" } }]);
    expect(world.told("container-log")).toEqual(["no disk"]);
    expect(await look()).toBeDefined();
  });

  test("are connected under their names, and disconnected", async () => {
    const { world, desired, containerId, look } = await withWeb();
    const { networkId } = (await look()).networks[0]!;
    await world.run(desired, planOf([{ kind: "disconnect-network", containerId, networkId }]));
    expect((await look()).networks).toEqual([]);
    const connect = { kind: "connect-network", service: "web", containerId } as const;
    await world.run(desired, planOf([{ ...connect, network: "default" }]));
    expect((await look()).networks).toMatchObject([
      { network: "shop_default", aliases: ["shop-web-1", "web"] },
    ]);
  });
});

describe("a container that goes with its volumes", () => {
  const [own, shared, external, chosen] = [
    "1".repeat(64),
    "2".repeat(64),
    "3".repeat(64),
    "4".repeat(64),
  ] as const;
  const names = [own, shared, external, chosen, "shop_data"] as const;

  /** Each volume comes by its name, as from a forerunner; another container has the second. */
  async function left(known: string, volumes: boolean): Promise<readonly number[]> {
    const world = createWorld();
    const places = names.map((name, index) => `${name}:/${index}`);
    const make = (name: string, service: string, binds: readonly string[]) =>
      world.engine.createContainer(
        name,
        {
          Image: "app:1",
          Env: [],
          Labels: { [COMPOSE.project]: "shop", [COMPOSE.service]: service },
          HostConfig: { Binds: binds },
          NetworkingConfig: { EndpointsConfig: {} },
        },
        {},
        never,
      );
    const containerId = await make("shop-web-1", "web", places);
    await make("other", "other", [`${shared}:/cache`]);
    const desired = desiredOf(
      service(known, { volumes: [{ type: "volume", source: "chosen", target: "/3" }] }),
    );
    const all = new Map([...desired.project.volumes, ["external", { name: external }]] as const);
    const project = { ...desired.project, volumes: all };
    const remove = { kind: "remove-container", containerId, name: "shop-web-1", volumes } as const;
    const outcome = await world.run({ ...desired, project }, planOf([remove]));
    expect(outcome.failed).toEqual([]);
    const found = await Promise.all(names.map((name) => world.engine.inspectVolume(name, never)));
    return [...found.keys()].filter((index) => found[index] !== undefined);
  }

  test("takes its forerunner's nameless ones along, and no one else's", async () => {
    expect(await left("web", true)).toEqual([1, 2, 3, 4]);
  });

  test("leaves them where no volume is to go, and where its files are not known", async () => {
    expect(await left("web", false)).toEqual([0, 1, 2, 3, 4]);
    expect(await left("gone", true)).toEqual([0, 1, 2, 3, 4]);
  });
});

describe("images", () => {
  test("are pulled with progress; one that nobody has fails, with nothing made", async () => {
    const world = createWorld();
    world.engine.addPullable("far:1");
    const pull = { kind: "pull-image", service: "web", image: "far:1" } as const;
    const desired = desiredOf(service("web", { image: "far:1" }));
    expect((await world.run(desired, planOf([pull, network, createWeb]))).failed).toEqual([]);
    expect(world.events).toContainEqual(
      expect.objectContaining({ type: "operation-progress", message: "Pulling far:1" }),
    );
    const other = createWorld();
    const outcome = await other.run(desired, planOf([pull, network, createWeb]));
    expect(outcome.failed).toMatchObject([{ error: { code: "image-missing" } }]);
    expect(outcome.skipped).toHaveLength(2);
  });

  test("are built with Compose's labels", async () => {
    const world = createWorld();
    const requests: BuildRequest[] = [];
    const builder: ApplyContext["builder"] = {
      build: (request, progress) => {
        requests.push(request);
        progress("\u001b[1mstep 1\u001b[0m");
        return Promise.resolve();
      },
    };
    const desired = desiredOf(service("web", { build: { context: "/srv", labels: { a: "b" } } }));
    const build = { kind: "build-image", service: "web", image: "shop-web" } as const;
    await world.run(desired, planOf([build]), { builder });
    expect(requests).toMatchObject([
      {
        tag: "shop-web",
        build: { labels: { a: "b" } },
        labels: { [COMPOSE.project]: "shop", [COMPOSE.service]: "web" },
      },
    ]);
    expect(world.events).toContainEqual(
      expect.objectContaining({ type: "operation-progress", message: "step 1" }),
    );
  });
});

describe("networks and volumes", () => {
  test("get their labels; what the file says of addresses is left alone", async () => {
    const world = createWorld();
    const desired = desiredOf(service("web"));
    const own = { name: "shop_own", ipam: { config: [{ subnet: "10.9.0.0/24" }] } };
    const networks = new Map([...desired.project.networks, ["own", own]] as const);
    await world.run(
      { ...desired, project: { ...desired.project, networks } },
      planOf([
        network,
        { kind: "create-network", network: "own" },
        { kind: "create-volume", volume: "data" },
      ]),
    );
    const found = await world.engine.listProject("shop", never);
    expect(found.networks.map(({ name, subnets }) => [name, subnets[0]?.ipRange])).toEqual([
      ["shop_default", expect.stringMatching(/\/25$/)],
      ["shop_own", undefined],
    ]);
    expect(found.volumes).toMatchObject([
      { name: "shop_data", labels: { [COMPOSE.volume]: "data", "dso.version": "4.0.0" } },
    ]);
  });

  test("go; a network that others still use stays, with a warning", async () => {
    const { world, desired } = await withWeb();
    const { id: networkId } = (await world.engine.inspectNetwork("shop_default", never))!;
    const remove = { kind: "remove-network", networkId, name: "shop_default" } as const;
    const outcome = await world.run(desired, planOf([remove]));
    expect(outcome.failed).toEqual([]);
    expect(world.told("warning")).toEqual([expect.stringContaining("still used")]);
    world.engine.failOn("removeNetwork", 1, new DsoError("engine-refused", "no"));
    expect((await world.run(desired, planOf([remove]))).failed).toHaveLength(1);
  });
});

test("the outcome counts resources as the plan does", async () => {
  const world = createWorld();
  const plan = planOf([network, { ...createWeb, address: "container.web[1]" }]);
  const change = (address: string, action: "create" | "replace" | "delete" | "update") => ({
    address,
    action,
    kind: "container" as const,
    name: "web",
    index: 1,
    engineName: "shop-web-1",
    reasons: [],
    method: undefined,
    downtime: undefined,
    deliveries: [],
    attributes: [],
    unchangedAttributes: 0,
    before: null,
    after: null,
  });
  const changes = [
    change("create-network", "create"),
    change("container.web[1]", "replace"),
    change("container.gone[1]", "delete"),
  ];
  const outcome = await world.run(desiredOf(service("web")), { ...plan, changes });
  expect([outcome.added, outcome.changed, outcome.destroyed]).toEqual([2, 0, 1]);
});
