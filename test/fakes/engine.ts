/** An engine in memory, as faithful as its tests need it: names, addresses, ports and volumes clash as on a real one. */
import { COMPOSE } from "../../src/model/labels.ts";
import type { EngineInfo } from "../../src/model/observed.ts";
import type { Engine } from "../../src/model/ports.ts";
import { fakeContainers } from "./engineContainers.ts";
import { record, type Fault } from "./engineRecord.ts";
import { fakeImages, withTag } from "./engineImages.ts";
import { begin, end } from "./engineLife.ts";
import { fakeNetworks, users } from "./engineNetworks.ts";
import {
  digest,
  findContainer,
  findNetwork,
  isAlive,
  needContainer,
  type FakeContainer,
  type FakeImage,
  type State,
} from "./engineState.ts";
import { fakeStreams } from "./engineStreams.ts";
import { look, show, showDetail } from "./engineView.ts";

export type { FakeImage } from "./engineState.ts";

export interface FakeEngine extends Engine {
  /** Every call in order, with names instead of ids: `createContainer shop-web-1`. */
  readonly calls: string[];
  /** The calls that change something. */
  changes(): string[];
  /** An image that the engine has. */
  addImage(reference: string, image?: FakeImage): void;
  /** An image that a pull would bring. */
  addPullable(reference: string, image?: FakeImage): void;
  /**
   * The `nth` call of `method` from now on (1: the next) rejects with `error`;
   * `after`: although the engine did what was asked.
   */
  failOn(method: keyof Engine, nth: number, error: Error, when?: "before" | "after"): void;
  /** Its program ends by itself. */
  crash(container: string, code: number): void;
  setHealth(container: string, health: "starting" | "healthy" | "unhealthy"): void;
  pause(container: string): void;
  writeLog(container: string, text: string): void;
  /** The engine goes down and comes up: restart policies decide who runs again. */
  restartEngine(): void;
}

export interface FakeOptions {
  readonly info?: Partial<EngineInfo>;
  /** Milliseconds since the epoch; a counter that ticks by a second per reading unless given. */
  readonly now?: () => number;
  /** Whether a host path is there, for binds that must not create it. */
  readonly pathExists?: (path: string) => boolean;
}

export function createFakeEngine(options: FakeOptions = {}): FakeEngine {
  const state = emptyState(options);
  const engine: Engine = {
    ...views(state),
    ...fakeContainers(state),
    ...fakeNetworks(state),
    ...fakeImages(state),
    ...fakeStreams(state),
    async close() {},
  };
  const calls: string[] = [];
  const faults: Fault[] = [];
  const nameOf = (key: string): string =>
    findContainer(state, key)?.name ?? findNetwork(state, key)?.name ?? key;
  return {
    ...record(engine, { calls, faults, nameOf }),
    calls,
    changes: () => calls.filter((call) => !/^(info|list|inspect|log|wait|events|close)/.test(call)),
    failOn: (method, nth, error, when = "before") => {
      faults.push({ method, left: nth, error, when });
    },
    ...steering(state),
  };
}

function steering(
  state: State,
): Pick<
  FakeEngine,
  "addImage" | "addPullable" | "crash" | "setHealth" | "pause" | "writeLog" | "restartEngine"
> {
  return {
    addImage: (reference, image = {}) => void state.images.set(withTag(reference), image),
    addPullable: (reference, image = {}) => void state.pullable.set(withTag(reference), image),
    crash: (key, code) => {
      end(state, needContainer(state, key), code);
    },
    setHealth: (key, health) => {
      needContainer(state, key).health = health;
    },
    pause: (key) => {
      needContainer(state, key).state = "paused";
    },
    writeLog: (key, text) => {
      needContainer(state, key).log += text;
    },
    restartEngine: () => {
      const alive = [...state.containers.values()].filter(isAlive);
      for (const container of alive) Object.assign(container, { state: "exited", exitCode: 137 });
      for (const container of state.containers.values()) {
        if (comesBack(container, alive.includes(container))) begin(state, container);
      }
    },
  };
}

function comesBack(container: FakeContainer, wasAlive: boolean): boolean {
  switch (container.restartPolicy.Name) {
    case "always":
      return container.state !== "created";
    case "unless-stopped":
    case "on-failure":
      return wasAlive;
    case "no":
    case "":
      return false;
  }
}

function emptyState(options: FakeOptions): State {
  let ticks = 0;
  const network = (name: string, driver: string, subnet?: string) => ({
    ...{ id: digest(name), name, driver, labels: {}, internal: false, chosenSubnet: false },
    body: { Name: name, Driver: driver, Labels: {} },
    subnets: subnet === undefined ? [] : [{ subnet, ipRange: undefined, gateway: "172.17.0.1" }],
  });
  const builtIn = [
    network("bridge", "bridge", "172.17.0.0/16"),
    network("host", "host"),
    network("none", "null"),
  ];
  return {
    info: {
      ...{ id: "FAKE:ENGINE", name: "fake", version: "20.10.24", apiVersion: "1.41" },
      ...{ local: true, endpoint: "unix:///var/run/docker.sock" },
      ...options.info,
    },
    now: options.now ?? (() => 1_700_000_000_000 + ticks++ * 1000),
    pathExists: options.pathExists ?? (() => true),
    containers: new Map(),
    networks: new Map(builtIn.map((item) => [item.name, item])),
    volumes: new Map(),
    images: new Map(),
    pullable: new Map(),
    events: [],
    listeners: new Set(),
    serial: 0,
  };
}

type Views = Pick<
  Engine,
  | "info"
  | "listProject"
  | "listContainers"
  | "listNetworks"
  | "inspectContainer"
  | "inspectNetwork"
  | "inspectVolume"
>;

function views(state: State): Views {
  return {
    info: async () => state.info,
    async listProject(project) {
      const label = `${COMPOSE.project}=${project}`;
      const seen = labelled([...state.containers.values()], label);
      for (const container of seen) look(state, container);
      return {
        containers: sorted(seen.map((container) => show(state, container))),
        networks: sorted(labelled([...state.networks.values()], label)),
        volumes: sorted(labelled([...state.volumes.values()], label)),
      };
    },
    async listContainers({ label }) {
      const seen = labelled([...state.containers.values()], label);
      return sorted(
        seen.map((container) => ({
          ...show(state, container),
          publishedPorts: container.publishedPorts,
        })),
      );
    },
    listNetworks: async () => sorted([...state.networks.values()]),
    async inspectContainer(id) {
      const container = findContainer(state, id);
      if (container === undefined) return undefined;
      look(state, container);
      return showDetail(state, container);
    },
    async inspectNetwork(name) {
      const network = findNetwork(state, name);
      if (network === undefined) return undefined;
      const endpoints = users(state, network.name)
        .filter(isAlive)
        .map(({ id, endpoints }) => ({
          containerId: id,
          ipv4: endpoints.get(network.name)?.ipv4,
          ipv6: endpoints.get(network.name)?.ipv6,
        }));
      return { ...network, endpoints };
    },
    inspectVolume: async (name) => state.volumes.get(name),
  };
}

function labelled<T extends { readonly labels: Readonly<Record<string, string>> }>(
  items: readonly T[],
  label: string | undefined,
): T[] {
  if (label === undefined) return [...items];
  const [key = "", value] = label.split(/=(.*)/s);
  return items.filter(({ labels }) =>
    value === undefined ? key in labels : labels[key] === value,
  );
}

function sorted<T extends { readonly name: string }>(items: readonly T[]): T[] {
  return [...items].sort((a, b) => (a.name < b.name ? -1 : 1));
}
