import { describe, expect, test } from "vitest";
import type { Desired } from "../../src/model/desired.ts";
import { DsoError } from "../../src/model/errors.ts";
import type { NetworkModel } from "../../src/model/project.ts";
import { createWeb, createWorld, desiredOf, network, never, planOf, service } from "./fixture.ts";

type Config = NonNullable<NonNullable<NetworkModel["ipam"]>["config"]>[number];

const web = service("web");

function withNetwork(model: Partial<NetworkModel>, one = web): Desired {
  const desired = desiredOf(one);
  const networks = new Map([["default", { name: "shop_default", ...model }]]);
  const positions = {
    at: (path: readonly (string | number)[]) => ({ file: path.join("."), line: 1, column: 1 }),
    literal: () => true,
  };
  return { ...desired, project: { ...desired.project, networks, positions } };
}

const withConfig = (...config: readonly Config[]): Desired => withNetwork({ ipam: { config } });

async function refusal(desired: Desired, world = createWorld()): Promise<DsoError> {
  world.engine.calls.length = 0;
  const run = world.run(desired, planOf([network, createWeb]));
  const error: unknown = await run.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof DsoError)) throw new Error("nothing was refused", { cause: error });
  expect(error.hint).toBeDefined();
  const tried = world.engine.changes().filter((call) => !call.includes("dso-throwaway-"));
  expect(tried).toEqual([]);
  return error;
}

async function worldWithBlog(): Promise<ReturnType<typeof createWorld>> {
  const world = createWorld();
  const labels = { "com.docker.compose.project": "blog" };
  const body = {
    Name: "blog_default",
    Labels: labels,
    IPAM: { Config: [{ Subnet: "10.9.0.0/16" }] },
  };
  await world.engine.createNetwork(body, never);
  return world;
}

describe("a network that the engine would refuse is found before anything is changed", () => {
  test.each<[Config, RegExp, string]>([
    [{ subnet: "10.300.0.0/24" }, /subnet "10.300.0.0\/24", which is no subnet/, "subnet"],
    [{ subnet: "10.1.0.0" }, /which is no subnet/, "subnet"],
    [
      { subnet: "10.1.0.0/24", gateway: "10.2.0.1" },
      /gateway 10.2.0.1, which is not in the network's subnet/,
      "gateway",
    ],
    [{ subnet: "10.1.0.0/24", gateway: "first" }, /gateway "first", which is none/, "gateway"],
    [
      { subnet: "10.1.0.0/24", ip_range: "10.1.0.0/16" },
      /ip_range 10.1.0.0\/16, which is not in/,
      "ip_range",
    ],
    [
      { subnet: "10.1.0.0/24", aux_addresses: { router: "10.1.1.1" } },
      /address of "router" 10.1.1.1, which is not in/,
      "aux_addresses.router",
    ],
    [{ subnet: "fd00::/64", gateway: "10.1.0.1" }, /gateway 10.1.0.1, which is not in/, "gateway"],
  ])("%j", async (config, words, field) => {
    const error = await refusal(withConfig(config));
    expect(error.message).toMatch(words);
    expect(error.code).toBe("compose-invalid");
    expect(error.position?.file).toBe(`networks.default.ipam.config.0.${field}`);
  });

  test("an address of a service outside of it", async () => {
    const one = service("web", { networks: { default: { ipv4_address: "10.2.0.9" } } });
    const desired = withNetwork({ ipam: { config: [{ subnet: "10.1.0.0/24" }] } }, one);
    const error = await refusal(desired);
    expect(error.message).toBe(
      "service web has the address 10.2.0.9, which is not in the network's subnet",
    );
    expect(error.position?.file).toBe("services.web.networks.default.ipv4_address");
  });

  test("a subnet that overlaps another network's, naming whose that is", async () => {
    const error = await refusal(withConfig({ subnet: "10.9.7.0/24" }), await worldWithBlog());
    expect(error).toMatchObject({ code: "engine-conflict" });
    expect(error.message).toContain(
      "10.9.7.0/24, which overlaps 10.9.0.0/16 of network blog_default of project blog",
    );
    expect(error.position?.file).toBe("networks.default.ipam.config.0.subnet");
  });

  test("two networks of the file that overlap", async () => {
    const desired = withConfig({ subnet: "10.1.0.0/24" });
    const other = { name: "shop_back", ipam: { config: [{ subnet: "10.1.0.128/25" }] } };
    const networks = new Map([...desired.project.networks, ["back", other] as const]);
    const world = createWorld();
    const both = { ...desired, project: { ...desired.project, networks } };
    const plan = planOf([network, { kind: "create-network", network: "back" }]);
    await expect(world.run(both, plan)).rejects.toThrow(
      /overlaps 10.1.0.0\/24 of network "default"/,
    );
    expect(world.engine.changes()).toEqual([]);
  });

  test.each(["nosuch", "host", "overlay"])("the driver %s", async (driver) => {
    const world = createWorld();
    const error = await refusal(withNetwork({ driver }), world);
    expect(error.message).toContain(`network "default" cannot have the driver "${driver}"`);
    expect(error.position?.file).toBe("networks.default.driver");
    const names = (await world.engine.listNetworks(never)).map(({ name }) => name);
    expect(names).toEqual(["bridge", "host", "none"]);
  });
});

describe("what the engine may take is not refused", () => {
  test.each<[string, Partial<NetworkModel>]>([
    ["an own address space", { ipam: { driver: "plugin", config: [{ subnet: "10.9.1.0/24" }] } }],
    [
      "a subnet of its own",
      { ipam: { config: [{ subnet: "10.10.0.0/16", gateway: "10.10.0.9" }] } },
    ],
    ["a driver that needs no try", { driver: "macvlan" }],
  ])("%s", async (_, model) => {
    const world = await worldWithBlog();
    const { failed } = await world.run(withNetwork(model), planOf([network]));
    const preflight = failed.filter(({ error }) => !/Pool overlaps/.test(error.message));
    expect(preflight).toEqual([]);
    expect(world.engine.changes().join()).not.toContain("throwaway");
  });

  test("a driver that the engine has when it is tried, of which nothing stays", async () => {
    const world = createWorld();
    const { failed } = await world.run(withNetwork({ driver: "a-plugin" }), planOf([network]));
    expect(failed).toEqual([]);
    const [made, removed, ...rest] = world.engine.changes();
    expect(made).toMatch(/^createNetwork dso-throwaway-/);
    expect(removed).toBe(made?.replace("create", "remove"));
    expect(rest).toEqual(["createNetwork shop_default"]);
  });

  test("the subnet of the network that it takes the place of", async () => {
    const world = createWorld();
    const config = [{ Subnet: "10.1.0.0/24" }];
    const body = { Name: "shop_default", Labels: {}, IPAM: { Config: config } };
    const networkId = await world.engine.createNetwork(body, never);
    const remove = { kind: "remove-network", networkId, name: "shop_default" } as const;
    const desired = withConfig({ subnet: "10.1.0.0/16" });
    const { failed } = await world.run(desired, planOf([remove, network]));
    expect(failed).toEqual([]);
  });
});
