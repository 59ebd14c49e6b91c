import { hostname, release } from "node:os";
import { COMPOSE } from "../model/labels.ts";
import type { Engine } from "../model/ports.ts";
import type { Client } from "./client.ts";
import type { EngineConnection } from "./connection.ts";
import { askOnce } from "../lib/together.ts";
import {
  byName,
  toContainer,
  toDetail,
  toNetwork,
  toNetworkBody,
  toPublishedPorts,
  toVolume,
} from "./translate.ts";
import type { WireContainer, WireContainerRow, WireInfo, WireNetwork, WireVolume } from "./wire.ts";

type Listing = Pick<Engine, "info" | "listProject" | "listContainers" | "listNetworks">;
type Inspecting = Pick<Engine, "inspectContainer" | "inspectNetwork" | "inspectVolume">;

export function listing(client: Client, connection: EngineConnection): Listing {
  const list = <T>(path: string, filters: Filters, signal: AbortSignal): Promise<T> => {
    const query = { all: path === "/containers/json" || undefined, filters: filterText(filters) };
    return client.json<T>("GET", path, { doing: "list what the engine has", query }, signal);
  };
  return {
    info: askOnce((signal) => info(client, connection, signal)),

    async listProject(project, signal) {
      const label = `${COMPOSE.project}=${project}`;
      const [containers, networks, volumes] = await Promise.all([
        list<WireContainerRow[]>("/containers/json", { label }, signal),
        list<WireNetwork[]>("/networks", { label }, signal),
        list<{ Volumes: WireVolume[] | null }>("/volumes", { label }, signal),
      ]);
      return {
        containers: byName(containers.map(toContainer)),
        networks: byName(networks.map(toNetwork)),
        volumes: byName((volumes.Volumes ?? []).map(toVolume)),
      };
    },

    async listContainers(filter, signal) {
      const rows = await list<WireContainerRow[]>("/containers/json", filter, signal);
      return byName(
        rows.map((row) => ({ ...toContainer(row), publishedPorts: toPublishedPorts(row) })),
      );
    },

    async listNetworks(signal) {
      return byName((await list<WireNetwork[]>("/networks", {}, signal)).map(toNetwork));
    },
  };
}

export function inspecting(client: Client): Inspecting {
  const inspect = <T>(
    kind: "container" | "network" | "volume",
    id: string,
    path: string,
    signal: AbortSignal,
  ): Promise<T | undefined> =>
    client.json("GET", path, { doing: `inspect ${kind} ${id}`, fine: [404] }, signal);
  return {
    async inspectContainer(id, signal) {
      const path = `/containers/${encodeURIComponent(id)}/json`;
      const wire = await inspect<WireContainer>("container", id, path, signal);
      return wire === undefined ? undefined : toDetail(wire);
    },

    async inspectNetwork(name, signal) {
      const path = `/networks/${encodeURIComponent(name)}`;
      const wire = await inspect<WireNetwork>("network", name, path, signal);
      if (wire === undefined) return undefined;
      return { ...toNetwork(wire), body: toNetworkBody(wire), endpoints: endpointsOf(wire) };
    },

    async inspectVolume(name, signal) {
      const path = `/volumes/${encodeURIComponent(name)}`;
      const wire = await inspect<WireVolume>("volume", name, path, signal);
      return wire === undefined ? undefined : toVolume(wire);
    },
  };
}

interface Filters {
  readonly label?: string;
}

function filterText({ label }: Filters): string | undefined {
  return label === undefined ? undefined : JSON.stringify({ label: [label] });
}

function endpointsOf(wire: WireNetwork): {
  containerId: string;
  ipv4: string | undefined;
  ipv6: string | undefined;
}[] {
  return Object.entries(wire.Containers ?? {})
    .map(([containerId, endpoint]) => ({
      containerId,
      ipv4: withoutMask(endpoint.IPv4Address),
      ipv6: withoutMask(endpoint.IPv6Address),
    }))
    .sort((a, b) => (a.containerId < b.containerId ? -1 : 1));
}

/** `172.20.0.2/16` -> `172.20.0.2`. */
function withoutMask(address: string): string | undefined {
  return address.split("/")[0] || undefined;
}

async function info(
  client: Client,
  connection: EngineConnection,
  signal: AbortSignal,
): ReturnType<Engine["info"]> {
  // One of the slowest questions there are: it does not wait until the version is agreed on.
  const whoItIs = { doing: "ask the engine who it is", unversioned: true };
  const [api, wire] = await Promise.all([
    client.api(signal),
    client.json<WireInfo>("GET", "/info", whoItIs, signal),
  ]);
  return {
    id: wire.ID,
    name: wire.Name,
    version: wire.ServerVersion,
    apiVersion: api,
    local: connection.loopback && isThisHost(wire),
    endpoint: connection.endpoint,
  };
}

/**
 * A socket on this host may still lead elsewhere: into Docker Desktop's virtual
 * machine, through a tunnel, or out of the container that we run in. Then the
 * engine's host has another name or another kernel than we see.
 */
function isThisHost(wire: WireInfo): boolean {
  return (
    wire.OperatingSystem !== "Docker Desktop" &&
    wire.Name === hostname() &&
    wire.KernelVersion === release()
  );
}
