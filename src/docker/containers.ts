import { setTimeout as sleep } from "node:timers/promises";
import type { CreateBody, EndpointConfig } from "../model/engine.ts";
import { DsoError } from "../model/errors.ts";
import type { Engine } from "../model/ports.ts";
import { newer, type Client } from "./client.ts";
import { Refusal, takenPort } from "./errors.ts";
import { toContainer, toPublishedPorts } from "./translate.ts";
import type { WireContainer, WireContainerRow } from "./wire.ts";

type Containers = Pick<
  Engine,
  | "createContainer"
  | "startContainer"
  | "stopContainer"
  | "killContainer"
  | "unpauseContainer"
  | "removeContainer"
  | "renameContainer"
  | "updateRestartPolicy"
  | "waitContainer"
>;

/** The engine copies, mounts and deletes whole trees in these; slow disks take their time. */
const SLOW = 300_000;
/** What an engine gives a container that names no grace period of its own, in seconds. */
const DEFAULT_GRACE = 10;

export function containers(client: Client): Containers {
  const act = async (
    id: string,
    verb: string,
    call: Omit<Parameters<Client["json"]>[2], "doing">,
    signal: AbortSignal,
  ): Promise<void> => {
    const path = `/containers/${encodeURIComponent(id)}/${verb}`;
    await client.json("POST", path, { doing: `${verb} container ${id}`, ...call }, signal);
  };
  return {
    createContainer: (name, body, options, signal) =>
      createContainer(client, { name, body, platform: options.platform }, signal),

    async startContainer(id, signal) {
      try {
        await act(id, "start", { fine: [304], deadline: SLOW }, signal);
      } catch (error) {
        throw await namePortHolder(client, error, signal);
      }
    },

    async stopContainer(id, graceSeconds, signal) {
      const grace = graceSeconds ?? (await ownGrace(client, id, signal));
      const query = { t: graceSeconds };
      // A negative grace period waits for ever, as the engine has it.
      const deadline = grace < 0 ? null : (grace + 30) * 1000;
      await act(id, "stop", { query, deadline, fine: [304, 404] }, signal);
    },

    killContainer: (id, posixSignal, signal) =>
      act(id, "kill", { query: { signal: posixSignal } }, signal),
    unpauseContainer: (id, signal) => act(id, "unpause", {}, signal),
    removeContainer: (id, options, signal) => removeContainer(client, id, options, signal),
    renameContainer: (id, name, signal) => act(id, "rename", { query: { name } }, signal),
    updateRestartPolicy: (id, policy, signal) =>
      onceEnded(() => act(id, "update", { body: { RestartPolicy: policy } }, signal), signal),

    async waitContainer(id, signal) {
      const path = `/containers/${encodeURIComponent(id)}/wait`;
      const call = { doing: `wait for container ${id}`, deadline: null };
      return (await client.json<{ StatusCode: number }>("POST", path, call, signal)).StatusCode;
    },
  };
}

/** So often, and with so much between, is asked what is refused only while a program ends, ms. */
const ENDING = { tries: 50, pause: 100 };

/**
 * An engine hands an update on to the runtime of a container that it takes for running. That refuses it
 * from when its program has ended until the engine has noticed: a moment, and on a busy machine seconds.
 */
async function onceEnded(ask: () => Promise<void>, signal: AbortSignal): Promise<void> {
  for (let left = ENDING.tries; ; left--) {
    try {
      await ask();
      return;
    } catch (error) {
      if (left === 0 || !(error instanceof DsoError)) throw error;
      if (!/cannot update a stopped container/i.test(error.message)) throw error;
      await sleep(ENDING.pause, undefined, { signal });
    }
  }
}

interface Creation {
  readonly name: string;
  readonly body: CreateBody;
  readonly platform: string | undefined;
}

/** Engines before API 1.44 take one endpoint at create; the others are connected before anybody starts it. */
async function createContainer(
  client: Client,
  { name, body, platform }: Creation,
  signal: AbortSignal,
): Promise<string> {
  const old = newer("1.44", await client.api(signal));
  const { first, rest } = old ? splitEndpoints(body) : { first: body, rest: [] };
  const doing = `create container ${name}`;
  const call = { doing, query: { name, platform }, body: first, deadline: SLOW };
  const made = await client.json<{ Id: string }>("POST", "/containers/create", call, signal);
  try {
    for (const [network, endpoint] of rest) {
      const path = `/networks/${encodeURIComponent(network)}/connect`;
      const connect = { Container: made.Id, EndpointConfig: endpoint };
      await client.json("POST", path, { doing, body: connect }, signal);
    }
  } catch (error) {
    // Half connected it is of no use, and nobody but this call knows of it.
    await removeContainer(
      client,
      made.Id,
      { force: true, volumes: true },
      AbortSignal.timeout(SLOW),
    );
    throw error;
  }
  return made.Id;
}

function splitEndpoints(body: CreateBody): {
  first: CreateBody;
  rest: readonly (readonly [string, EndpointConfig])[];
} {
  const endpoints = Object.entries(body.NetworkingConfig.EndpointsConfig);
  const mode = body.HostConfig.NetworkMode;
  const primary = endpoints.find(([network]) => network === mode) ?? endpoints[0];
  if (primary === undefined) return { first: body, rest: [] };
  const [network, { MacAddress: mac, ...endpoint }] = primary;
  const first = {
    ...body,
    ...(mac === undefined ? {} : { MacAddress: mac }),
    NetworkingConfig: { EndpointsConfig: { [network]: endpoint } },
  };
  return { first, rest: endpoints.filter(([other]) => other !== network) };
}

async function removeContainer(
  client: Client,
  id: string,
  options: { readonly force: boolean; readonly volumes: boolean },
  signal: AbortSignal,
): Promise<void> {
  const path = `/containers/${encodeURIComponent(id)}`;
  const query = { force: options.force, v: options.volumes };
  const doing = `remove container ${id}`;
  try {
    await client.json("DELETE", path, { doing, query, fine: [404], deadline: SLOW }, signal);
  } catch (error) {
    if (!(error instanceof DsoError && /already in progress/.test(error.message))) throw error;
    const wait = { doing, query: { condition: "removed" }, fine: [404], deadline: SLOW };
    await client.json("POST", `${path}/wait`, wait, signal);
  }
}

async function ownGrace(client: Client, id: string, signal: AbortSignal): Promise<number> {
  const path = `/containers/${encodeURIComponent(id)}/json`;
  const call = { doing: `stop container ${id}`, fine: [404] };
  const wire = await client.json<WireContainer | undefined>("GET", path, call, signal);
  return wire?.Config.StopTimeout ?? DEFAULT_GRACE;
}

/** A refusal over a host port names the container that has it, if it is one. */
async function namePortHolder(
  client: Client,
  error: unknown,
  signal: AbortSignal,
): Promise<unknown> {
  if (!(error instanceof DsoError && error.cause instanceof Refusal)) return error;
  const taken = takenPort(error.cause.message);
  if (taken === undefined) return error;
  const query = { filters: JSON.stringify({ publish: [String(taken.port)] }) };
  const call = { doing: "look who has the port", query };
  const rows = await client.json<WireContainerRow[]>("GET", "/containers/json", call, signal);
  const holder = rows.find((row) =>
    toPublishedPorts(row).some((port) => port.hostPort === taken.port),
  );
  const who = holder === undefined ? "another program" : `container "${toContainer(holder).name}"`;
  return new DsoError("port-taken", `host port ${taken.port} is taken by ${who}`, {
    ...(error.hint === undefined ? {} : { hint: error.hint }),
    cause: error,
  });
}
