/** The fake engine's container methods. */
import type { CreateBody } from "../../src/model/engine.ts";
import { DsoError } from "../../src/model/errors.ts";
import type { ObservedMount } from "../../src/model/observed.ts";
import type { Engine } from "../../src/model/ports.ts";
import { newEndpoint } from "./engineAddresses.ts";
import { detailOf, needImage } from "./engineImages.ts";
import { begin, end } from "./engineLife.ts";
import {
  emit,
  findContainer,
  isAlive,
  needContainer,
  needNetwork,
  nextId,
  refuse,
  untilWoken,
  type FakeContainer,
  type FakeEndpoint,
  type State,
} from "./engineState.ts";

type Containers = Pick<
  Engine,
  | "createContainer"
  | "startContainer"
  | "hasFile"
  | "stopContainer"
  | "killContainer"
  | "unpauseContainer"
  | "removeContainer"
  | "renameContainer"
  | "updateRestartPolicy"
  | "waitContainer"
>;

export function fakeContainers(state: State): Containers {
  return {
    async createContainer(name, body) {
      return create(state, name, body).id;
    },
    async startContainer(id) {
      const container = needContainer(state, id);
      if (!isAlive(container)) begin(state, container);
    },
    async hasFile(id, path) {
      const { files = {}, shellless } = needContainer(state, id).image;
      return Object.hasOwn(files, path) || (path === "/bin/sh" && shellless !== true);
    },
    async stopContainer(id) {
      const container = findContainer(state, id);
      if (container !== undefined) stop(state, container);
    },
    async killContainer(id, posixSignal) {
      const container = needContainer(state, id);
      if (!isAlive(container)) throw refuse(`Container ${id} is not running`);
      emit(state, "kill", container);
      const deadly = /^(SIG)?(KILL|9)$/.test(posixSignal);
      const obeyed = /^(SIG)?(TERM|INT|15|2)$/.test(posixSignal) && !container.image.ignoresSigterm;
      if (deadly || obeyed) end(state, container, deadly ? 137 : 0);
    },
    async unpauseContainer(id) {
      const container = needContainer(state, id);
      if (container.state !== "paused") throw refuse(`Container ${id} is not paused`);
      container.state = "running";
    },
    async removeContainer(id, options) {
      const container = findContainer(state, id);
      if (container !== undefined) remove(state, container, options);
    },
    async renameContainer(id, name) {
      const container = needContainer(state, id);
      claimName(state, name);
      container.name = name;
      emit(state, "rename", container);
    },
    async updateRestartPolicy(id, policy) {
      needContainer(state, id).restartPolicy = policy;
    },
    async waitContainer(id, signal) {
      const container = needContainer(state, id);
      const { exits } = container.image;
      if (exits !== undefined && container.state === "running") end(state, container, exits.code);
      if (isAlive(container)) await untilWoken(container.ended, signal);
      signal.throwIfAborted();
      return container.exitCode;
    },
  };
}

function create(state: State, name: string, body: CreateBody): FakeContainer {
  const image = needImage(state, body.Image);
  claimName(state, name);
  const imageDetail = detailOf(body.Image, image);
  const { mounts, anonymous } = mount(state, body, imageDetail.volumes);
  const container: FakeContainer = {
    id: nextId(state, "container"),
    name,
    body,
    image,
    imageDetail,
    labels: { ...image.labels, ...body.Labels },
    mounts,
    anonymousVolumes: anonymous,
    endpoints: endpointsOf(state, body),
    created: state.now(),
    restartPolicy: body.HostConfig.RestartPolicy ?? { Name: "no" },
    ended: new Set(),
    publishedPorts: [],
    ...{ state: "created", exitCode: 0, health: undefined, restartCount: 0, startedAt: 0 },
    ...{ pid: 0, error: "", looks: 0, log: "", stoppedByHand: false },
  };
  state.containers.set(container.id, container);
  emit(state, "create", container);
  return container;
}

function claimName(state: State, name: string): void {
  if (!/^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/.test(name)) {
    throw refuse(`Invalid container name (${name})`);
  }
  const holder = [...state.containers.values()].find((container) => container.name === name);
  if (holder === undefined) return;
  const id = holder.id.slice(0, 12);
  throw new DsoError(
    "engine-conflict",
    `the container name "${name}" is in use by container ${id}`,
  );
}

function endpointsOf(state: State, body: CreateBody): Map<string, FakeEndpoint> {
  const configs = body.NetworkingConfig.EndpointsConfig;
  const mode = body.HostConfig.NetworkMode ?? "default";
  const shared = /^(container:|none$|host$)/.test(mode);
  const primary = mode === "default" ? "bridge" : mode;
  const names = shared ? [] : [...new Set([primary, ...Object.keys(configs)])];
  return new Map(
    names.map((name) => {
      const network = needNetwork(state, name).name;
      return [network, newEndpoint(network, configs[name] ?? {})];
    }),
  );
}

function mount(
  state: State,
  body: CreateBody,
  imageVolumes: readonly string[],
): { mounts: ObservedMount[]; anonymous: string[] } {
  const mounts = [
    ...(body.HostConfig.Binds ?? []).map((bind) => bindMount(state, bind)),
    ...(body.HostConfig.Mounts ?? []).map(
      ({ Type: type, Source: source = "", Target: target, ReadOnly: readOnly = false }) => {
        if (type === "bind" && !state.pathExists(source)) {
          throw refuse(
            `invalid mount config for type "bind": bind source path does not exist: ${source}`,
          );
        }
        return {
          type,
          name: type === "volume" ? source : undefined,
          source,
          target,
          writable: !readOnly,
        };
      },
    ),
  ];
  const covered = new Set(mounts.map(({ target }) => target));
  const own = [...imageVolumes, ...Object.keys(body.Volumes ?? {})];
  const missing = [...new Set(own)].filter((target) => !covered.has(target));
  const all = [
    ...mounts,
    ...missing.map((target) => ({ type: "volume", name: "", source: "", target, writable: true })),
  ];
  return nameVolumes(state, all);
}

/** `source:target[:options]`; a source that is no path is a volume's name. */
function bindMount(state: State, bind: string): ObservedMount {
  const [source = "", target = "", options = "rw"] = bind.split(":");
  const writable = !options.split(",").includes("ro");
  if (source.startsWith("/")) return { type: "bind", name: undefined, source, target, writable };
  return { type: "volume", name: source, source, target, writable };
}

function nameVolumes(
  state: State,
  mounts: readonly ObservedMount[],
): { mounts: ObservedMount[]; anonymous: string[] } {
  const anonymous: string[] = [];
  const named = mounts.map((item) => {
    if (item.type !== "volume") return item;
    const name = item.name || nextId(state, "volume");
    if (!item.name) anonymous.push(name);
    if (!state.volumes.has(name)) state.volumes.set(name, { name, labels: {}, driver: "local" });
    return { ...item, name, source: `/var/lib/docker/volumes/${name}/_data` };
  });
  return { mounts: named.sort((a, b) => (a.target < b.target ? -1 : 1)), anonymous };
}

function stop(state: State, container: FakeContainer): void {
  container.stoppedByHand = true;
  if (!isAlive(container)) return;
  end(state, container, container.image.ignoresSigterm === true ? 137 : 0);
  emit(state, "stop", container);
}

function remove(
  state: State,
  container: FakeContainer,
  options: { readonly force: boolean; readonly volumes: boolean },
): void {
  if (isAlive(container)) {
    if (!options.force) {
      throw refuse(
        `You cannot remove a running container ${container.id}. Stop the container before attempting removal or force remove`,
      );
    }
    container.stoppedByHand = true;
    end(state, container, 137);
  }
  state.containers.delete(container.id);
  if (options.volumes) for (const name of container.anonymousVolumes) state.volumes.delete(name);
  emit(state, "destroy", container);
}
