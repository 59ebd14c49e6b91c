/** From the engine's JSON to the model's words. Pure. */
import type {
  ContainerDetail,
  ContainerState,
  ObservedContainer,
  ObservedEndpoint,
  ObservedMount,
  ObservedNetwork,
  ObservedVolume,
} from "../model/observed.ts";
import type { NetworkBody } from "../model/engine.ts";
import type { PublishedPort } from "../model/ports.ts";
import type {
  WireContainer,
  WireContainerRow,
  WireEndpoint,
  WireMount,
  WireNetwork,
  WireVolume,
} from "./wire.ts";

export function toContainer(row: WireContainerRow): ObservedContainer {
  const state = toState(row.State);
  return {
    id: row.Id,
    name: ownName(row.Names),
    image: row.Image,
    imageId: row.ImageID,
    labels: row.Labels ?? {},
    state,
    health: healthOf(row.Status),
    exitCode: state === "exited" ? exitCodeOf(row.Status) : undefined,
    created: row.Created,
    networks: toEndpoints(row.NetworkSettings?.Networks, row.Id),
    mounts: toMounts(row.Mounts),
    networkMode: row.HostConfig?.NetworkMode ?? "",
  };
}

/** A container linked by others also shows as `/other/alias`. */
function ownName(names: readonly string[]): string {
  const own = names.find((name) => name.lastIndexOf("/") === 0) ?? names[0] ?? "";
  return own.replace(/^\//, "");
}

function toState(text: string): ContainerState {
  switch (text) {
    case "created":
    case "running":
    case "paused":
    case "restarting":
    case "removing":
    case "exited":
    case "dead":
      return text;
    default:
      throw new Error(`the engine names a container state that is not known: ${text}`);
  }
}

/** `Up 5 seconds (healthy)`, `Up 1 second (health: starting)`. */
function healthOf(status: string): ObservedContainer["health"] {
  const found = /\((?:health: )?(starting|healthy|unhealthy)\)/.exec(status);
  return toHealth(found?.[1]);
}

function toHealth(text: string | undefined): ObservedContainer["health"] {
  return text === "starting" || text === "healthy" || text === "unhealthy" ? text : undefined;
}

/** `Exited (137) 2 minutes ago`. */
function exitCodeOf(status: string): number | undefined {
  const found = /^Exited \((-?\d+)\)/.exec(status);
  return found === null ? undefined : Number(found[1]);
}

function toEndpoints(
  networks: Readonly<Record<string, WireEndpoint>> | null | undefined,
  containerId: string,
): ObservedEndpoint[] {
  // Engines before 25 add the container's short id to the aliases; it is nobody's wish.
  const shortId = containerId.slice(0, 12);
  return sortedEntries(networks).map(([network, endpoint]) => ({
    network,
    networkId: endpoint.NetworkID,
    ipv4: endpoint.IPAddress || undefined,
    ipv6: endpoint.GlobalIPv6Address || undefined,
    aliases: (endpoint.Aliases ?? []).filter((alias) => alias !== shortId),
    ...optionsOf(endpoint),
  }));
}

function optionsOf({
  Links,
  DriverOpts,
  GwPriority,
}: WireEndpoint): Pick<ObservedEndpoint, "options"> {
  const options = {
    ...(Links ? { Links } : {}),
    ...(DriverOpts ? { DriverOpts } : {}),
    ...(GwPriority ? { GwPriority } : {}),
  };
  return Object.keys(options).length === 0 ? {} : { options };
}

function toMounts(mounts: readonly WireMount[] | null | undefined): ObservedMount[] {
  return (mounts ?? [])
    .map((mount) => ({
      type: mount.Type,
      name: mount.Name || undefined,
      source: mount.Source,
      target: mount.Destination,
      writable: mount.RW,
    }))
    .sort((a, b) => compare(a.target, b.target));
}

export function toPublishedPorts(row: WireContainerRow): PublishedPort[] {
  return (row.Ports ?? []).flatMap((port) =>
    port.PublicPort === undefined
      ? []
      : [{ hostIp: port.IP ?? "", hostPort: port.PublicPort, protocol: port.Type }],
  );
}

export function toDetail(wire: WireContainer): ContainerDetail {
  const state = toState(wire.State.Status);
  const { Labels: labels, Env: environment, ...config } = wire.Config;
  return {
    id: wire.Id,
    name: wire.Name.replace(/^\//, ""),
    image: config.Image,
    imageId: wire.Image,
    labels: labels ?? {},
    state,
    health: toHealth(wire.State.Health?.Status),
    exitCode: state === "exited" ? wire.State.ExitCode : undefined,
    created: Math.floor(Date.parse(wire.Created) / 1000),
    networks: toEndpoints(wire.NetworkSettings.Networks, wire.Id),
    mounts: toMounts(wire.Mounts),
    networkMode: wire.HostConfig.NetworkMode ?? "",
    config: { ...withoutNulls(config), Labels: labels ?? {}, Env: environment ?? [] },
    hostConfig: withoutNulls(wire.HostConfig),
    pid: wire.State.Pid,
    startedAt: wire.State.StartedAt,
    restartCount: wire.RestartCount,
    error: wire.State.Error,
    oomKilled: wire.State.OOMKilled,
    healthLog: wire.State.Health?.Log?.at(-1)?.Output,
  };
}

/** The engine writes `null` for what nobody set; leaving it out means the same at create. */
function withoutNulls<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).filter(([, item]) => item !== null)) as T;
}

export function toNetwork(wire: WireNetwork): ObservedNetwork {
  return {
    id: wire.Id,
    name: wire.Name,
    labels: wire.Labels ?? {},
    driver: wire.Driver,
    internal: wire.Internal,
    subnets: (wire.IPAM?.Config ?? []).map((pool) => ({
      subnet: pool.Subnet ?? "",
      ipRange: pool.IPRange || undefined,
      gateway: pool.Gateway || undefined,
    })),
  };
}

/** What the engine shows of a network, as what makes one like it. */
export function toNetworkBody(wire: WireNetwork): NetworkBody {
  const { Name, Driver, Internal, Attachable = false, EnableIPv4, EnableIPv6 = false } = wire;
  return {
    ...{ Name, Driver, Internal, Attachable, EnableIPv6 },
    ...(EnableIPv4 === undefined ? {} : { EnableIPv4 }),
    Options: wire.Options ?? {},
    Labels: wire.Labels ?? {},
    IPAM: {
      Driver: wire.IPAM?.Driver ?? "default",
      Options: wire.IPAM?.Options ?? {},
      Config: (wire.IPAM?.Config ?? []).map(withoutEmpty),
    },
  };
}

/** Some engines write "" for what a pool has not, and none takes it back. */
function withoutEmpty<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).filter(([, item]) => item !== "")) as T;
}

export function toVolume(wire: WireVolume): ObservedVolume {
  return { name: wire.Name, labels: wire.Labels ?? {}, driver: wire.Driver };
}

export function byName<T extends { readonly name: string }>(items: readonly T[]): T[] {
  return [...items].sort((a, b) => compare(a.name, b.name));
}

function sortedEntries<T>(record: Readonly<Record<string, T>> | null | undefined): [string, T][] {
  return Object.entries(record ?? {}).sort(([a], [b]) => compare(a, b));
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
