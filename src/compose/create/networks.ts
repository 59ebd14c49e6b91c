/** The networks of a container: which is the first, and its endpoint on each. */
import type { EndpointConfig } from "../../model/engine.ts";
import type { ServiceModel, ServiceNetworkModel } from "../../model/project.ts";
import type { CreateContext } from "./context.ts";
import { namespaceMode, refusal } from "./context.ts";
import { requireFeature } from "./features.ts";
import { links } from "./links.ts";
import { compact } from "./resources.ts";

interface Networking {
  readonly mode: string;
  /** Where no endpoint carries it. */
  readonly mac: string | undefined;
  /** By the engine's name of the network, in the order of their priority. */
  readonly endpoints: Readonly<Record<string, EndpointConfig>>;
}

export function networking(service: ServiceModel, context: CreateContext): Networking {
  const mode = namespaceMode(context, "network_mode", service);
  if (mode !== undefined) return { mode, mac: service.mac_address, endpoints: {} };
  const attached = Object.entries(service.networks ?? {})
    .toSorted(([a, first], [b, second]) => priority(second) - priority(first) || (a < b ? -1 : 1))
    .map(([key, network], index) => {
      const mac = macOf(service, key, index === 0, context);
      const linked = links(service, context);
      const config = endpoint(key, network, context);
      return [nameOf(key, context), { ...config, ...compact({ MacAddress: mac, Links: linked }) }];
    }) as readonly (readonly [string, EndpointConfig])[];
  const first = attached[0]?.[0] ?? "none";
  return { mode: first, mac: undefined, endpoints: Object.fromEntries(attached) };
}

/** The service's own is that of its first network; older engines know one alone. */
function macOf(
  { mac_address: own, networks }: ServiceModel,
  key: string,
  isFirst: boolean,
  context: CreateContext,
): string | undefined {
  const mac = networks?.[key]?.mac_address;
  if (!isFirst) {
    if (mac !== undefined) {
      requireFeature(context, "endpointMac", "networks", key, "mac_address");
    }
    return mac;
  }
  if (mac === undefined || own === undefined || mac === own) return mac ?? own;
  const what = `differs from that of its first network "${key}"`;
  throw refusal(context, ["mac_address"], what, "Keep one of the two.");
}

function priority(network: ServiceNetworkModel | null): number {
  return network?.priority ?? 0;
}

function nameOf(key: string, { project }: CreateContext): string {
  return project.networks.get(key)?.name ?? key;
}

function endpoint(
  key: string,
  network: ServiceNetworkModel | null,
  context: CreateContext,
): EndpointConfig {
  const { containerName, serviceName } = context;
  const aliases = [...new Set([containerName, serviceName, ...(network?.aliases ?? [])])];
  if (network === null) return { Aliases: aliases };
  if (network.interface_name !== undefined) {
    requireFeature(context, "interfaceName", "networks", key, "interface_name");
  }
  if (network.gw_priority !== undefined) {
    requireFeature(context, "gatewayPriority", "networks", key, "gw_priority");
  }
  const addresses = compact({
    IPv4Address: network.ipv4_address,
    IPv6Address: network.ipv6_address,
    LinkLocalIPs: network.link_local_ips,
  });
  return {
    Aliases: aliases,
    ...(Object.keys(addresses).length === 0 ? {} : { IPAMConfig: addresses }),
    ...compact({
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
