/** The networks of a container: which is the first, and its endpoint on each. */
import type { EndpointConfig } from "../../model/engine.ts";
import type { ServiceModel, ServiceNetworkModel } from "../../model/project.ts";
import type { CreateContext } from "./context.ts";
import { namespaceMode, requireApi } from "./context.ts";
import { compact } from "./resources.ts";

interface Networking {
  readonly mode: string;
  /** By the engine's name of the network, in the order of their priority. */
  readonly endpoints: Readonly<Record<string, EndpointConfig>>;
}

export function networking(service: ServiceModel, context: CreateContext): Networking {
  const mode = namespaceMode(context, "network_mode", service);
  if (mode !== undefined) return { mode, endpoints: {} };
  const attached = Object.entries(service.networks ?? {})
    .toSorted(([a, first], [b, second]) => priority(second) - priority(first) || (a < b ? -1 : 1))
    .map(([key, network]) => [nameOf(key, context), endpoint(network, context)] as const);
  return { mode: attached[0]?.[0] ?? "none", endpoints: Object.fromEntries(attached) };
}

function priority(network: ServiceNetworkModel | null): number {
  return network?.priority ?? 0;
}

function nameOf(key: string, { project }: CreateContext): string {
  return project.networks.get(key)?.name ?? key;
}

function endpoint(network: ServiceNetworkModel | null, context: CreateContext): EndpointConfig {
  const { containerName, serviceName } = context;
  const aliases = [...new Set([containerName, serviceName, ...(network?.aliases ?? [])])];
  if (network === null) return { Aliases: aliases };
  if (network.interface_name !== undefined) requireApi(context, "1.49", "networks");
  if (network.gw_priority !== undefined) requireApi(context, "1.48", "networks");
  const addresses = compact({
    IPv4Address: network.ipv4_address,
    IPv6Address: network.ipv6_address,
    LinkLocalIPs: network.link_local_ips,
  });
  return {
    Aliases: aliases,
    ...(Object.keys(addresses).length === 0 ? {} : { IPAMConfig: addresses }),
    ...compact({
      MacAddress: network.mac_address,
      DriverOpts: driverOptions(network),
      GwPriority: network.gw_priority,
    }),
  };
}

function driverOptions({
  driver_opts,
  interface_name,
}: ServiceNetworkModel): Readonly<Record<string, string>> | undefined {
  if (interface_name === undefined) return driver_opts;
  return { ...driver_opts, "com.docker.network.endpoint.ifname": interface_name };
}
