/** What the fake engine shows of its containers. Looking moves them on: health and exits come with it. */
import type { CreateBody } from "../../src/model/engine.ts";
import type { ContainerDetail, ObservedContainer } from "../../src/model/observed.ts";
import { end } from "./engineLife.ts";
import { findNetwork, isAlive, type FakeContainer, type State } from "./engineState.ts";

/** One look from outside; behaviour that waits for looks counts them here. */
export function look(state: State, container: FakeContainer): void {
  if (container.state !== "running") return;
  container.looks += 1;
  const { exits, healthyAfter = 0, unhealthy = false } = container.image;
  if (exits !== undefined && container.looks > (exits.afterLooks ?? 0)) {
    end(state, container, exits.code);
    return;
  }
  if (container.health === "starting" && container.looks > healthyAfter) {
    container.health = unhealthy ? "unhealthy" : "healthy";
  }
}

export function show(state: State, container: FakeContainer): ObservedContainer {
  const { id, name, labels, created, mounts } = container;
  return {
    id,
    name,
    image: container.body.Image,
    imageId: container.imageDetail.id,
    labels,
    state: container.state,
    health: isAlive(container) ? container.health : undefined,
    exitCode: container.state === "exited" ? container.exitCode : undefined,
    created: Math.floor(created / 1000),
    networks: showEndpoints(state, container, false),
    mounts,
    networkMode: container.body.HostConfig.NetworkMode ?? "default",
  };
}

function showEndpoints(
  state: State,
  container: FakeContainer,
  withAliases: boolean,
): ObservedContainer["networks"] {
  return [...container.endpoints.values()]
    .map(({ network, ipv4, ipv6, config }) => ({
      network,
      networkId: findNetwork(state, network)?.id ?? "",
      ipv4: isAlive(container) ? ipv4 : undefined,
      ipv6: isAlive(container) ? ipv6 : undefined,
      aliases: withAliases ? (config.Aliases ?? []) : [],
    }))
    .sort((a, b) => (a.network < b.network ? -1 : 1));
}

export function showDetail(state: State, container: FakeContainer): ContainerDetail {
  const { body, imageDetail } = container;
  return {
    ...show(state, container),
    networks: showEndpoints(state, container, true),
    config: {
      ...configOf(body),
      Hostname: body.Hostname ?? container.id.slice(0, 12),
      User: body.User ?? imageDetail.user,
      Env: mergeEnvironment(imageDetail.environment, body.Env),
      Labels: container.labels,
      Entrypoint: body.Entrypoint ?? imageDetail.entrypoint,
      // An entrypoint of one's own drops the image's command.
      Cmd: body.Cmd ?? (body.Entrypoint ? null : imageDetail.command),
    },
    hostConfig: { ...body.HostConfig, RestartPolicy: container.restartPolicy },
    pid: container.state === "running" ? container.pid : 0,
    startedAt:
      container.startedAt === 0
        ? "0001-01-01T00:00:00Z"
        : new Date(container.startedAt).toISOString(),
    restartCount: container.restartCount,
    error: container.error,
    oomKilled: false,
    healthLog: container.health === undefined ? undefined : "",
  };
}

function configOf(body: CreateBody): ContainerDetail["config"] {
  const parts = ["HostConfig", "NetworkingConfig"];
  const entries = Object.entries(body).filter(([key]) => !parts.includes(key));
  return Object.fromEntries(entries) as unknown as ContainerDetail["config"];
}

/** The body's entries win; one without `=` takes the image's away. */
function mergeEnvironment(image: readonly string[], body: readonly string[]): string[] {
  const nameOf = (entry: string): string => entry.split("=", 1)[0] ?? "";
  const names = new Set(body.map(nameOf));
  return [
    ...body.filter((entry) => entry.includes("=")),
    ...image.filter((entry) => !names.has(nameOf(entry))),
  ];
}
