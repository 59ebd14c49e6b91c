/** IPv4 addresses and host ports of the fake engine: who has which, and who gets the next. */
import type { EndpointConfig } from "../../src/model/engine.ts";
import { DsoError } from "../../src/model/errors.ts";
import type { PublishedPort } from "../../src/model/ports.ts";
import {
  isAlive,
  needNetwork,
  refuse,
  type FakeContainer,
  type FakeEndpoint,
  type FakeNetwork,
  type State,
} from "./engineState.ts";

export interface Range {
  readonly first: number;
  readonly last: number;
}

export function parseRange(cidr: string): Range {
  const [address = "", bits = "32"] = cidr.split("/");
  const size = 2 ** (32 - Number(bits));
  const first = Math.floor(toNumber(address) / size) * size;
  return { first, last: first + size - 1 };
}

export function overlaps(a: Range, b: Range): boolean {
  return a.first <= b.last && b.first <= a.last;
}

function toNumber(address: string): number {
  return address.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
}

export function toAddress(value: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join(".");
}

/** Gives every endpoint its address, as the engine does at start and at connect. */
export function takeAddresses(state: State, container: FakeContainer): void {
  for (const endpoint of container.endpoints.values()) takeAddress(state, container, endpoint);
}

export function takeAddress(state: State, container: FakeContainer, endpoint: FakeEndpoint): void {
  const network = needNetwork(state, endpoint.network);
  const wanted = endpoint.config.IPAMConfig?.IPv4Address;
  const taken = takenAddresses(state, network, container);
  endpoint.ipv6 = endpoint.config.IPAMConfig?.IPv6Address;
  endpoint.ipv4 =
    wanted === undefined ? lowestFree(network, taken) : checkWanted(network, taken, wanted);
}

function checkWanted(network: FakeNetwork, taken: ReadonlySet<string>, wanted: string): string {
  if (!network.chosenSubnet) {
    throw refuse(
      "user specified IP address is supported only when connecting to networks with user configured subnets",
    );
  }
  if (taken.has(wanted)) throw new DsoError("engine-conflict", "Address already in use");
  const pools = network.subnets.map(({ subnet }) => parseRange(subnet));
  const value = toNumber(wanted);
  if (!pools.some((pool) => value >= pool.first && value <= pool.last)) {
    throw refuse(`Invalid address ${wanted}: It does not belong to any of this network's subnets`);
  }
  return wanted;
}

function takenAddresses(state: State, network: FakeNetwork, except: FakeContainer): Set<string> {
  const others = [...state.containers.values()].filter(
    (other) => other !== except && isAlive(other),
  );
  const addresses = others.map((other) => other.endpoints.get(network.name)?.ipv4);
  return new Set(
    [...addresses, ...network.subnets.map(({ gateway }) => gateway)].filter(
      (address) => address !== undefined,
    ),
  );
}

function lowestFree(network: FakeNetwork, taken: ReadonlySet<string>): string | undefined {
  const pool = network.subnets[0];
  if (pool === undefined) return undefined;
  const subnet = parseRange(pool.subnet);
  const range = parseRange(pool.ipRange ?? pool.subnet);
  for (let value = range.first; value <= range.last; value += 1) {
    const edge = value === subnet.first || value === subnet.last;
    if (!edge && !taken.has(toAddress(value))) return toAddress(value);
  }
  throw refuse(`no available IPv4 addresses on this network's address pools: ${network.name}`);
}

/** The host ports that a start takes; throws `port-taken`. */
export function takePorts(state: State, container: FakeContainer): PublishedPort[] {
  const used = [...state.containers.values()]
    .filter((other) => other !== container && isAlive(other))
    .flatMap((other) => other.publishedPorts.map((port) => ({ ...port, holder: other.name })));
  const mine: PublishedPort[] = [];
  const exposedPorts = [
    ...Object.keys(container.body.ExposedPorts ?? {}),
    ...container.imageDetail.exposedPorts,
  ];
  for (const [exposed, bindings] of Object.entries(container.body.HostConfig.PortBindings ?? {})) {
    // A binding of a port that is not exposed is ignored, as the engine does.
    if (!exposedPorts.includes(exposed)) continue;
    const protocol = exposed.split("/")[1] ?? "tcp";
    for (const { HostIp: ip, HostPort: wanted } of bindings) {
      mine.push(takePort([...used, ...mine], ip || "0.0.0.0", wanted, protocol));
    }
  }
  return mine;
}

const FIRST_EPHEMERAL = 32_768;

function takePort(
  used: readonly (PublishedPort & { readonly holder?: string })[],
  hostIp: string,
  wanted: string,
  protocol: string,
): PublishedPort {
  const [low, high] = wanted.split("-").map(Number);
  const first = low || FIRST_EPHEMERAL;
  const last = high ?? (low || 65_535);
  let holder: string | undefined;
  for (let hostPort = first; hostPort <= last; hostPort += 1) {
    const clash = used.find((port) => collides(port, { hostIp, hostPort, protocol }));
    if (clash === undefined) return { hostIp, hostPort, protocol };
    holder = clash.holder;
  }
  const who = holder === undefined ? "another program" : `container "${holder}"`;
  throw new DsoError("port-taken", `host port ${first} is taken by ${who}`);
}

function collides(a: PublishedPort, b: PublishedPort): boolean {
  const everywhere = a.hostIp === "0.0.0.0" || b.hostIp === "0.0.0.0";
  return (
    a.hostPort === b.hostPort && a.protocol === b.protocol && (everywhere || a.hostIp === b.hostIp)
  );
}

export function newEndpoint(network: string, config: EndpointConfig): FakeEndpoint {
  return { network, config, ipv4: undefined, ipv6: undefined };
}
