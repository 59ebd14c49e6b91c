import { readFile } from "node:fs/promises";
import { networkInterfaces } from "node:os";
import type { NetworkBody } from "../../model/engine.ts";
import { DsoError, hasCode } from "../../model/errors.ts";
import type { NetworkModel } from "../../model/project.ts";
import { parseSubnet, type Subnet } from "./cidr.ts";
import type { Work } from "../context.ts";
import { chooseSubnet, ipamConfig, uniqueLocalSubnet } from "./subnets.ts";

/** Somebody else may take a subnet between our look and the engine's. */
const TRIES = 5;

/**
 * Creates the network with a subnet of our choice, so that we may give out its
 * addresses; where the file says something about addresses, as the file says.
 */
export async function createFreely(
  work: Work,
  key: string,
  model: NetworkModel,
  body: NetworkBody,
  signal: AbortSignal,
): Promise<void> {
  if (!isOursToAddress(model)) {
    await work.engine.createNetwork(body, signal);
    return;
  }
  const taken = [...(await engineSubnets(work, signal)), ...(await hostSubnets(work))];
  for (let attempt = 1; ; attempt++) {
    const subnet = chooseSubnet(endpointsOn(work, key), taken);
    const addressed = subnet === undefined ? body : withSubnet(work, model, body, subnet);
    try {
      await work.engine.createNetwork(addressed, signal);
      return;
    } catch (error) {
      if (subnet === undefined || attempt === TRIES || !isOverlap(error)) throw error;
      taken.push(subnet);
    }
  }
}

function isOursToAddress({ driver, ipam, enable_ipv4 }: NetworkModel): boolean {
  const bridge = driver === undefined || driver === "bridge" || driver === "default";
  return (
    bridge && ipam?.config === undefined && ipam?.driver === undefined && enable_ipv4 !== false
  );
}

function withSubnet(
  work: Work,
  model: NetworkModel,
  body: NetworkBody,
  subnet: Subnet,
): NetworkBody {
  const six = model.enable_ipv6 === true ? [uniqueLocalSubnet(work.random.hex(5))] : [];
  return { ...body, IPAM: { ...body.IPAM, Config: [subnet, ...six].map(ipamConfig) } };
}

function isOverlap(error: unknown): boolean {
  return error instanceof DsoError && /overlap/i.test(error.message);
}

function endpointsOn(work: Work, key: string): number {
  return [...work.desired.services.values()]
    .filter(({ model }) => Object.hasOwn(model.networks ?? {}, key))
    .reduce((sum, { replicas }) => sum + replicas, 0);
}

async function engineSubnets(work: Work, signal: AbortSignal): Promise<readonly Subnet[]> {
  const networks = await work.engine.listNetworks(signal);
  return networks.flatMap(({ subnets }) =>
    subnets.flatMap(({ subnet }) => parseSubnet(subnet) ?? []),
  );
}

/** Of this host: a network that it reaches must not be shadowed by one of ours. */
async function hostSubnets(work: Work): Promise<readonly Subnet[]> {
  if (!work.observed.engine.local) return [];
  const own = Object.values(networkInterfaces()).flatMap((addresses) =>
    (addresses ?? []).flatMap(({ cidr }) => (cidr === null ? [] : (parseSubnet(cidr) ?? []))),
  );
  return [...own, ...parseRoutes(await readRoutes())];
}

async function readRoutes(): Promise<string> {
  try {
    return await readFile("/proc/net/route", "utf8");
  } catch (error) {
    if (hasCode(error, "ENOENT")) return "";
    throw error;
  }
}

/** The kernel writes addresses as hexadecimal numbers, the first byte last; the default route is left out. */
export function parseRoutes(table: string): readonly Subnet[] {
  return table
    .split("\n")
    .slice(1)
    .flatMap((line) => {
      const fields = line.split("\t");
      const [address, mask] = [fields[1], fields[7]].map(bytesOf);
      if (address === undefined || mask === undefined) return [];
      const bits = mask.reduce((sum, byte) => sum + byte.toString(2).replaceAll("0", "").length, 0);
      return bits === 0 ? [] : (parseSubnet(`${address.join(".")}/${bits}`) ?? []);
    });
}

function bytesOf(hex: string | undefined): readonly number[] | undefined {
  if (hex === undefined || !/^[0-9A-F]{8}$/i.test(hex)) return undefined;
  return [...Buffer.from(hex, "hex")].reverse();
}
