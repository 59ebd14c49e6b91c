/** The fake engine's networks and volumes. */
import type { NetworkBody } from "../../src/model/engine.ts";
import { DsoError } from "../../src/model/errors.ts";
import type { Engine } from "../../src/model/ports.ts";
import { newEndpoint, overlaps, parseRange, takeAddress, toAddress } from "./engineAddresses.ts";
import {
  findContainer,
  findNetwork,
  isAlive,
  needContainer,
  needNetwork,
  nextId,
  refuse,
  type FakeNetwork,
  type State,
} from "./engineState.ts";

type Networking = Pick<
  Engine,
  | "createNetwork"
  | "removeNetwork"
  | "connectNetwork"
  | "disconnectNetwork"
  | "createVolume"
  | "removeVolume"
>;

export function fakeNetworks(state: State): Networking {
  return {
    async createNetwork(body) {
      const network = makeNetwork(state, body);
      state.networks.set(network.name, network);
      return network.id;
    },
    async removeNetwork(id) {
      const network = findNetwork(state, id);
      if (network === undefined) return;
      if (BUILT_IN.has(network.name)) {
        throw refuse(`${network.name} is a pre-defined network and cannot be removed`);
      }
      if (users(state, network.name).some(isAlive)) {
        throw refuse(`error while removing network: network ${network.name} has active endpoints`);
      }
      state.networks.delete(network.name);
    },
    async connectNetwork(network, id, config) {
      const { name } = needNetwork(state, network);
      const container = needContainer(state, id);
      if (container.endpoints.has(name)) {
        throw new DsoError(
          "engine-conflict",
          `endpoint with name ${container.name} already exists in network ${name}`,
        );
      }
      const endpoint = newEndpoint(name, config);
      if (isAlive(container)) takeAddress(state, container, endpoint);
      container.endpoints.set(name, endpoint);
    },
    async disconnectNetwork(network, id) {
      const found = findNetwork(state, network);
      if (found !== undefined) findContainer(state, id)?.endpoints.delete(found.name);
    },
    async createVolume(body) {
      // The engine takes a volume of that name as it is.
      if (state.volumes.has(body.Name)) return;
      const volume = { name: body.Name, labels: body.Labels, driver: body.Driver ?? "local" };
      state.volumes.set(body.Name, volume);
    },
    async removeVolume(name) {
      const holder = [...state.containers.values()].find((container) =>
        container.mounts.some((mount) => mount.name === name),
      );
      if (holder !== undefined) {
        const message = `remove ${name}: volume is in use - [${holder.id}]`;
        throw new DsoError("engine-conflict", message);
      }
      state.volumes.delete(name);
    },
  };
}

const DRIVERS: ReadonlySet<string> = new Set([
  "default",
  "bridge",
  "macvlan",
  "ipvlan",
  "a-plugin",
]);
const BUILT_IN: ReadonlySet<string> = new Set(["bridge", "host", "none"]);

export function users(state: State, network: string) {
  return [...state.containers.values()].filter(({ endpoints }) => endpoints.has(network));
}

function makeNetwork(state: State, body: NetworkBody): FakeNetwork {
  if (state.networks.has(body.Name)) {
    throw new DsoError("engine-conflict", `network with name ${body.Name} already exists`);
  }
  const { Driver: driver = "bridge" } = body;
  if (!DRIVERS.has(driver)) throw refuse(`plugin "${driver}" not found`);
  const asked = (body.IPAM?.Config ?? []).filter(({ Subnet: subnet }) => subnet !== undefined);
  for (const { Subnet: subnet = "" } of asked) {
    if (isUsed(state, subnet)) {
      throw new DsoError("engine-conflict", "Pool overlaps with other one on this address space");
    }
  }
  const subnets = asked.map(({ Subnet: subnet = "", IPRange: ipRange, Gateway: gateway }) => ({
    subnet,
    ipRange,
    gateway: gateway ?? firstHost(subnet),
  }));
  const pools = subnets.length > 0 ? subnets : [freePool(state)];
  return {
    id: nextId(state, "network"),
    name: body.Name,
    labels: body.Labels,
    driver,
    internal: body.Internal ?? false,
    subnets: pools,
    chosenSubnet: subnets.length > 0,
    body: { ...body, Driver: driver, IPAM: { ...body.IPAM, Config: pools.map(toConfig) } },
  };
}

function toConfig({ subnet, ipRange, gateway }: FakeNetwork["subnets"][number]) {
  return {
    Subnet: subnet,
    ...(ipRange === undefined ? {} : { IPRange: ipRange }),
    ...(gateway === undefined ? {} : { Gateway: gateway }),
  };
}

function isUsed(state: State, subnet: string): boolean {
  if (subnet.includes(":")) return false;
  const range = parseRange(subnet);
  return [...state.networks.values()].some((network) =>
    network.subnets.some((other) => overlaps(parseRange(other.subnet), range)),
  );
}

/** What the engine does where nobody chose: the next of its own pools. */
function freePool(state: State): FakeNetwork["subnets"][number] {
  for (let second = 18; second < 32; second += 1) {
    const subnet = `172.${second}.0.0/16`;
    if (!isUsed(state, subnet)) return { subnet, ipRange: undefined, gateway: firstHost(subnet) };
  }
  throw refuse("could not find an available, non-overlapping IPv4 address pool");
}

function firstHost(subnet: string): string {
  return toAddress(parseRange(subnet).first + 1);
}
