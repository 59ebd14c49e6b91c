import type { DesiredService } from "../../model/desired.ts";
import { DSO } from "../../model/labels.ts";
import type { EndpointAddress } from "../container/body.ts";
import { parseSubnet } from "./cidr.ts";
import type { Work } from "../context.ts";

interface Claim {
  readonly service: DesiredService;
  /** Id of the rotation. */
  readonly rotation: string;
}

/**
 * Addresses from our half of the networks that we made, by the engine's name of
 * the network. On other networks, and where the file names an address, none.
 */
export async function reserveEndpoints(
  work: Work,
  making: Claim,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, EndpointAddress>> {
  const { networks, network_mode } = making.service.model;
  const found = new Map<string, EndpointAddress>();
  if (network_mode !== undefined) return found;
  for (const [key, wanted] of Object.entries(networks ?? {})) {
    const model = work.desired.project.networks.get(key);
    if (model === undefined || model.external === true) continue;
    const fixed = wanted?.ipv4_address !== undefined || wanted?.ipv6_address !== undefined;
    if (fixed || model.ipam?.config !== undefined) continue;
    const address = await reserveOn(work, model.name, making, signal);
    if (address !== undefined) found.set(model.name, address);
  }
  return found;
}

async function reserveOn(
  work: Work,
  name: string,
  { service, rotation }: Claim,
  signal: AbortSignal,
): Promise<EndpointAddress | undefined> {
  const network = await work.engine.inspectNetwork(name, signal);
  if (network?.labels[DSO.version] === undefined) return undefined;
  const inUse = new Set(
    [
      ...network.endpoints.flatMap(({ ipv4, ipv6 }) => [ipv4, ipv6]),
      ...network.subnets.map(({ gateway }) => gateway),
    ].flatMap((address) => address ?? []),
  );
  const reserved: { ipv4?: string; ipv6?: string } = {};
  for (const { subnet: text, ipRange } of network.subnets) {
    const subnet = parseSubnet(text);
    // Without a range of its own the engine hands out addresses of every half.
    if (subnet === undefined || ipRange === undefined) continue;
    const address = await work.addresses.reserve(work.desired.project.name, {
      network: name,
      subnet,
      inUse,
      service: service.name,
      rotation,
    });
    if (address !== undefined) reserved[subnet.family === 4 ? "ipv4" : "ipv6"] = address;
  }
  return reserved;
}
