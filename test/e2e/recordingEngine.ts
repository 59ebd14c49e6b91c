/** An engine that has every image, makes nothing and keeps what it is asked to make. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { json } from "node:stream/consumers";
import type { EngineConnection } from "../../src/docker/connection.ts";
import { httpEngine } from "../fixtures/httpEngine.ts";

export type Body = Readonly<Record<string, unknown>>;

export interface Creation {
  readonly name: string;
  readonly platform: string | null;
  readonly body: Body;
  /** By the network's name, endpoints that were connected after the container was made. */
  readonly connected: Map<string, unknown>;
}

interface State {
  readonly containers: Map<string, Creation>;
  readonly networks: Map<string, Body>;
  readonly volumes: Map<string, Body>;
}

export interface RecordingEngine extends AsyncDisposable, State {
  readonly connection: EngineConnection;
}

/** Ids are the names. */
export async function recordingEngine(api: string): Promise<RecordingEngine> {
  const state: State = { containers: new Map(), networks: new Map(), volumes: new Map() };
  const served = await httpEngine((request, response) => {
    void answer(state, api, request, response);
  }, "answers its ping itself");
  return {
    ...state,
    connection: served.connection,
    [Symbol.asyncDispose]: () => served[Symbol.asyncDispose](),
  };
}

async function answer(
  state: State,
  api: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const url = new URL(request.url ?? "", "http://engine");
  const path = decodeURIComponent(url.pathname.replace(/^\/v1\.\d+/, ""));
  const body = request.method === "POST" ? ((await json(request)) as Body) : {};
  const found =
    request.method === "POST" ? make(state, path, url, body) : look(state, path, url, api);
  response.setHeader("Api-Version", api).setHeader("Content-Type", "application/json");
  if (found === undefined) response.statusCode = 404;
  response.end(JSON.stringify(found ?? { message: `no such thing: ${path}` }));
}

function make(state: State, path: string, url: URL, body: Body): unknown {
  const name = url.searchParams.get("name") ?? String(body["Name"]);
  if (path === "/containers/create") {
    const platform = url.searchParams.get("platform");
    state.containers.set(name, { name, platform, body, connected: new Map() });
  } else if (path === "/networks/create") {
    state.networks.set(name, body);
  } else if (path === "/volumes/create") {
    state.volumes.set(name, body);
  } else {
    const network = /^\/networks\/(.*)\/connect$/.exec(path)?.[1];
    if (network === undefined) return undefined;
    const container = state.containers.get(String(body["Container"]));
    container?.connected.set(network, body["EndpointConfig"]);
  }
  return { Id: name, Name: name, Warnings: [] };
}

function look(
  { containers, networks, volumes }: State,
  path: string,
  url: URL,
  api: string,
): unknown {
  const [, kind, name = ""] = /^\/([a-z_]+)(?:\/(.*?))?(?:\/json)?$/.exec(path) ?? [];
  switch (kind) {
    case "_ping":
      return "OK";
    case "version":
      return { ApiVersion: api, MinAPIVersion: "1.24", Os: "linux", Arch: "amd64" };
    case "info":
      return { ID: "recording", OSType: "linux", Swarm: { LocalNodeState: "inactive" } };
    case "images":
      return { Id: IMAGE, Os: "linux", Architecture: "amd64", Config: {} };
    case "containers":
      if (name === "json") return [...containers.values()].filter(labelled(url)).map(row);
      return detail(containers.get(name));
    case "networks":
      if (name === "") return [...networks].map(([Name, one]) => ({ ...one, Name, Id: Name }));
      return networks.has(name) ? { ...networks.get(name), Id: name } : undefined;
    case "volumes":
      return volumes.get(name);
    default:
      return undefined;
  }
}

/** With all the labels that are asked for. */
function labelled(url: URL): (creation: Creation) => boolean {
  const filters = JSON.parse(url.searchParams.get("filters") ?? "{}") as { label?: object };
  const wanted = Object.keys(filters.label ?? {}).map((text) => text.split(/=(.*)/s));
  return ({ body }) => {
    const labels = body["Labels"] as Readonly<Record<string, string>>;
    return wanted.every(
      ([name = "", value]) => name in labels && (value === undefined || labels[name] === value),
    );
  };
}

const IMAGE = `sha256:${"1".repeat(64)}`;

function row({ name, body }: Creation): unknown {
  const { Image, Labels } = body;
  const parts = { Mounts: [], Ports: [], NetworkSettings: { Networks: {} } };
  return {
    Id: name,
    Names: [`/${name}`],
    Image,
    ImageID: IMAGE,
    Labels,
    State: "created",
    ...parts,
  };
}

function detail(creation: Creation | undefined): unknown {
  if (creation === undefined) return undefined;
  const { name, body } = creation;
  return {
    ...{ Id: name, Name: `/${name}`, Created: "2020-01-01T00:00:00Z", Image: IMAGE },
    State: { Status: "created" },
    Config: { Labels: body["Labels"], Image: body["Image"] },
    HostConfig: {},
    Mounts: [],
    NetworkSettings: { Networks: {} },
  };
}
