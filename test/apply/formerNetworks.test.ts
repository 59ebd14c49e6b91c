import { describe, expect, test } from "vitest";
import { DsoError } from "../../src/model/errors.ts";
import { createWeb, createWorld, desiredOf, network, never, planOf, service } from "./fixture.ts";

const NAME = "shop_default";
const desired = desiredOf(service("web"));
const refused = new DsoError("engine-refused", "the engine refused: no such option");

/** A network of ours with a running container on it, and the plan that makes it anew. */
async function standing() {
  const world = createWorld();
  const labels = { "com.docker.compose.project": "shop", "com.docker.compose.network": "default" };
  const Config = [{ Subnet: "10.7.0.0/24", IPRange: "10.7.0.0/25" }];
  const body = { Name: NAME, Labels: labels, Options: { mtu: "1400" }, IPAM: { Config } };
  const networkId = await world.engine.createNetwork(body, never);
  const endpoint = { Aliases: ["web", "www"], IPAMConfig: { IPv4Address: "10.7.0.200" } };
  const containerId = await world.engine.createContainer(
    "shop-web-1",
    {
      ...{ Image: "app:1", Env: [], Labels: { "com.docker.compose.project": "shop" } },
      HostConfig: { NetworkMode: NAME },
      NetworkingConfig: { EndpointsConfig: { [NAME]: endpoint } },
    },
    {},
    never,
  );
  await world.engine.startContainer(containerId, never);
  const plan = planOf([
    { kind: "disconnect-network", networkId, containerId },
    { kind: "remove-network", networkId, name: NAME },
    network,
  ]);
  const look = async () => {
    const { id, body, endpoints } = (await world.engine.inspectNetwork(NAME, never))!;
    const { networks, state } = (await world.engine.inspectContainer(containerId, never))!;
    expect(networks.map(({ networkId }) => networkId)).toEqual([id]);
    return { body, endpoints, state, aliases: networks[0]?.aliases };
  };
  return { world, plan, look, containerId };
}

test("a network that the engine refuses leaves the former one, with whom it connected", async () => {
  const { world, plan, look } = await standing();
  const before = await look();
  expect(before.endpoints[0]?.ipv4).toBe("10.7.0.200");
  world.engine.failOn("createNetwork", 1, refused);
  const { failed } = await world.run(desired, plan);
  expect(failed).toMatchObject([{ error: { code: "rolled-back", position: { line: 2 } } }]);
  expect(failed[0]?.error.message).toMatch(/shop_default could not be made anew, and is as it was/);
  expect(failed[0]?.error.message).toContain(refused.message);
  expect(failed[0]?.error.hint).toBeDefined();
  expect(await look()).toEqual(before);
});

test("whoever was on it is on its successor at once, and serves until it is replaced", async () => {
  const { world, plan, look } = await standing();
  const { aliases } = await look();
  const { failed } = await world.run(desired, plan);
  expect(failed).toEqual([]);
  expect(await look()).toMatchObject({ state: "running", aliases });
});

test.each<[string, string | undefined, boolean, readonly string[]]>([
  ["it may have another address", undefined, true, ["any"]],
  ["where the files fix one, it waits for its replacement", "10.7.0.9", true, []],
  [
    "where it stays, it has its own, if that is to be had",
    "10.7.0.9",
    false,
    ["10.7.0.200", "any"],
  ],
])("until then %s", async (_, fixed, leaves, addresses) => {
  const { world, plan, containerId } = await standing();
  const asked: string[] = [];
  const engine = {
    ...world.engine,
    connectNetwork: async (...args: Parameters<typeof world.engine.connectNetwork>) => {
      asked.push(args[2].IPAMConfig?.IPv4Address ?? "any");
      return world.engine.connectNetwork(...args);
    },
  };
  const settings = fixed === undefined ? null : { ipv4_address: fixed };
  const wanted = desiredOf(service("web", { networks: { default: settings } }));
  const name = "shop-web-1";
  const removal = { kind: "remove-container", containerId, name, volumes: false } as const;
  const leaving = planOf([...plan.operations, ...(leaves ? [removal] : [])]);
  const { failed } = await world.run(wanted, leaving, { engine });
  expect(failed).toEqual([]);
  expect(asked).toEqual(addresses);
});

test("who cannot be put on it is told of, and replaced all the same", async () => {
  const { world, plan, containerId } = await standing();
  world.engine.failOn("connectNetwork", 1, new DsoError("engine-unreachable", "it went away"));
  const { failed } = await world.run(desired, plan);
  expect(failed).toEqual([]);
  const messages = world.events.flatMap((event) => ("message" in event ? [event.message] : []));
  expect(messages).toContain("it went away");
  expect((await world.engine.inspectContainer(containerId, never))?.networks).toEqual([]);
});

test("so does a network that cannot be removed", async () => {
  const { world, plan, look } = await standing();
  const before = await look();
  world.engine.failOn("removeNetwork", 1, refused);
  const { failed, skipped } = await world.run(desired, plan);
  expect(failed).toMatchObject([{ operation: { kind: "remove-network" }, error: refused }]);
  expect(skipped.map(({ kind }) => kind)).toEqual(["create-network"]);
  expect(await look()).toEqual(before);
});

test("and one whose successor was never begun, because the run was stopped", async () => {
  const { world, plan, look } = await standing();
  const before = await look();
  const stop = new AbortController();
  const { engine } = world;
  const stopping = {
    ...engine,
    removeNetwork: async (id: string, signal: AbortSignal) => {
      await engine.removeNetwork(id, signal);
      stop.abort();
    },
  };
  await world.run(desired, plan, { engine: stopping, signal: stop.signal });
  expect(await look()).toEqual(before);
});

test("what stands in the way of putting it back is told", async () => {
  const { world, plan } = await standing();
  world.engine.failOn("createNetwork", 1, refused);
  world.engine.failOn("createNetwork", 2, new DsoError("engine-unreachable", "it went away"));
  const { failed } = await world.run(desired, plan);
  expect(failed).toMatchObject([{ error: { code: "rollback-failed" } }]);
  expect(failed[0]?.error.message).toMatch(/no such option.*could not be put back.*it went away/);
  expect(failed[0]?.error.hint).toContain("dso apply");
});

test("a container that is gone by then is not looked for", async () => {
  const { world, plan, containerId } = await standing();
  const { engine } = world;
  const removing = {
    ...engine,
    createNetwork: async (...args: Parameters<typeof engine.createNetwork>) => {
      await engine.removeContainer(containerId, { force: true, volumes: false }, never);
      return engine.createNetwork(...args);
    },
  };
  engine.failOn("createNetwork", 1, refused);
  const { failed } = await world.run(desired, plan, { engine: removing });
  expect(failed).toMatchObject([{ error: { code: "rolled-back" } }]);
  expect((await engine.inspectNetwork(NAME, never))?.endpoints).toEqual([]);
});

test("a new network is nobody's successor", async () => {
  const world = createWorld();
  world.engine.failOn("createNetwork", 1, refused);
  const { failed } = await world.run(desired, planOf([network, createWeb]));
  expect(failed).toMatchObject([{ error: { code: "engine-refused", position: { line: 2 } } }]);
  expect(await world.engine.inspectNetwork(NAME, never)).toBeUndefined();
});

describe("a replica that is not replaced, after all, on a network that was made anew", () => {
  async function replacing(
    method: "blue-green" | "stop-first",
    failure_action: string,
    refusal?: DsoError,
  ) {
    const world = createWorld();
    const deploy = { update_config: { failure_action } };
    const web = (image: string) => desiredOf(service("web", { image, deploy }));
    const names = ["shop-web-1", "shop-web-2"];
    const created = names.map((name, index) => ({ ...createWeb, name, number: index + 1 }));
    await world.run(web("app:1"), planOf([network, ...created]));
    const { id: networkId } = (await world.engine.inspectNetwork(NAME, never))!;
    const ids = await Promise.all(
      names.map(async (name) => (await world.engine.inspectContainer(name, never))!.id),
    );
    const replace = { kind: "replace-container", service: "web", method } as const;
    const plan = planOf([
      ...ids.map(
        (containerId) => ({ kind: "disconnect-network", networkId, containerId }) as const,
      ),
      { kind: "remove-network", networkId, name: NAME },
      network,
      ...names.map((name, index) => {
        const old = { oldId: ids[index] ?? "", oldName: name, expectedDowntimeMs: 0 };
        return { ...replace, ...old, name, number: index + 1 };
      }),
    ]);
    world.engine.addImage("app:2", { exits: { code: 3, afterLooks: 1 } });
    const { engine } = world;
    const connectNetwork: typeof engine.connectNetwork = (id, container, body, signal) =>
      refusal !== undefined &&
      (body.IPAMConfig?.IPv4Address !== undefined || refusal.code !== "engine-conflict")
        ? Promise.reject(refusal)
        : engine.connectNetwork(id, container, body, signal);
    const more = { engine: { ...engine, connectNetwork } };
    const { failed } = await world.run(web("app:2"), plan, more);
    const found = await Promise.all(names.map((name) => engine.inspectContainer(name, never)));
    return {
      world,
      failed,
      networks: found.map((one) => one?.networks.map(({ aliases }) => aliases)),
    };
  }
  const both = [[["web", "shop-web-1"]], [["web", "shop-web-2"]]];
  const sorted = (all: readonly unknown[]): unknown[] =>
    all.map((one) =>
      JSON.stringify(one)
        .split(/[[\],]+/)
        .sort(),
    );

  test.each([
    ["blue-green", "continue"],
    ["stop-first", "continue"],
    // The second is never begun.
    ["stop-first", "pause"],
  ] as const)("is connected again: %s, %s", async (method, action) => {
    const { failed, networks } = await replacing(method, action);
    expect(failed.length).toBe(action === "pause" ? 1 : 2);
    expect(failed[0]?.error.code).toBe("rolled-back");
    expect(sorted(networks)).toEqual(sorted(both));
  });

  test("under another address, where its own is not to be had", async () => {
    const taken = new DsoError("engine-conflict", "the address is taken");
    const { networks } = await replacing("stop-first", "continue", taken);
    expect(sorted(networks)).toEqual(sorted(both));
  });

  test("else that is told, and not tolerated", async () => {
    const none = new DsoError("engine-refused", "no address is left");
    const { world, failed } = await replacing("stop-first", "continue", none);
    expect(failed).toMatchObject([{ error: { code: "rollback-failed" }, tolerated: false }]);
    expect(failed[0]?.error.message).toContain("no address is left");
    expect(world.told("warning").join()).toContain("no address is left");
  });
});
