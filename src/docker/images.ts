import { describeSelf } from "../lib/lockOwner.ts";
import { DsoError } from "../model/errors.ts";
import { DSO } from "../model/labels.ts";
import type { Engine } from "../model/ports.ts";
import { readAll, type Client } from "./client.ts";
import type { EngineConnection } from "./connection.ts";
import { printable, Refusal, refusalError } from "./errors.ts";
import { lines, stalling } from "./lines.ts";
import { firstFile } from "./tar.ts";
import { toImage } from "./translate.ts";
import type { WireImage } from "./wire.ts";

type Images = Pick<Engine, "inspectImage" | "pullImage" | "readImageFile" | "hasFile">;

/** A pull that says nothing for this long is stuck. */
const STALL = 120_000;
/** Far more than any file we ask for; an image is not trusted to be sensible. */
const MAX_FILE = 16 * 1024 * 1024;
const REMOVAL = 60_000;

export function images(client: Client, connection: EngineConnection): Images {
  return {
    async inspectImage(reference, signal) {
      const path = `/images/${reference.split("/").map(encodeURIComponent).join("/")}/json`;
      const call = { doing: `inspect image ${reference}`, fine: [404] };
      const wire = await client.json<WireImage | undefined>("GET", path, call, signal);
      return wire === undefined ? undefined : toImage(wire);
    },

    async pullImage(reference, options, progress, signal) {
      const { registryAuth } = await import("./auth.ts");
      const auth = await registryAuth(connection, reference);
      const { name, tag } = splitReference(reference);
      const call = {
        doing: `pull ${reference}`,
        query: { fromImage: name, tag, platform: options.platform },
        ...(auth === undefined ? {} : { headers: { "X-Registry-Auth": auth } }),
      };
      await pulling(reference, signal, async (watched, alive) => {
        const body = await client.stream("POST", "/images/create", call, watched);
        for await (const line of lines(body)) {
          alive();
          const text = pullLine(line);
          if (text !== undefined) progress(text);
        }
      });
    },

    readImageFile: (image, path, signal) => readImageFile(client, image, path, signal),
    hasFile: (id, path, signal) => hasFile(client, id, path, signal),
  };
}

/** The tag is asked for apart, and always: without one the engine would pull all of them. */
function splitReference(reference: string): { name: string; tag: string } {
  const at = reference.indexOf("@");
  if (at >= 0) return { name: reference.slice(0, at), tag: reference.slice(at + 1) };
  const colon = reference.lastIndexOf(":");
  if (colon <= reference.lastIndexOf("/")) return { name: reference, tag: "latest" };
  return { name: reference.slice(0, colon), tag: reference.slice(colon + 1) };
}

async function pulling(
  reference: string,
  signal: AbortSignal,
  work: (watched: AbortSignal, alive: () => void) => Promise<void>,
): Promise<void> {
  const stall = stalling(STALL);
  try {
    await work(AbortSignal.any([signal, stall.signal]), stall.alive);
  } catch (error) {
    signal.throwIfAborted();
    if (stall.signal.aborted) {
      const message = `pull ${reference}: nothing came for ${STALL / 1000} s`;
      throw new DsoError("engine-refused", message, {
        hint: "The registry or the network in between is stuck; try again.",
        cause: error,
      });
    }
    throw pullError(reference, error);
  } finally {
    stall.stop();
  }
}

/** One line of the engine's progress, unless it is one of a progress bar's many. */
function pullLine(line: string): string | undefined {
  const told = JSON.parse(line) as {
    status?: string;
    id?: string;
    error?: string;
    progressDetail?: { current?: number };
  };
  if (told.error !== undefined) throw refusalError(new Refusal(200, told.error), "pull");
  if (told.status === undefined || told.progressDetail?.current !== undefined) return undefined;
  return printable(told.id === undefined ? told.status : `${told.id}: ${told.status}`);
}

const NOBODY_HAS_IT =
  /not found|manifest unknown|no such image|name unknown|no matching manifest|does not exist or may require/i;
const NO_REGISTRY =
  /no such host|connection refused|i\/o timeout|timeout exceeded|deadline exceeded|network is unreachable|no route to host|server misbehaving/i;

function pullError(reference: string, error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  if (error instanceof DsoError && ["engine-unreachable", "disk-full"].includes(error.code)) {
    return error;
  }
  const words = printable(error.cause instanceof Refusal ? error.cause.message : error.message);
  if (NO_REGISTRY.test(words)) {
    return new DsoError(
      "engine-refused",
      `the registry of "${reference}" cannot be reached: ${words}`,
      {
        hint: "The engine's host needs a way to the registry (network, DNS, proxy); a local image must have this very name.",
        cause: error,
      },
    );
  }
  if (NOBODY_HAS_IT.test(words)) {
    return new DsoError("image-missing", `no registry has the image "${reference}": ${words}`, {
      hint: "Check its name and tag; a private one needs `docker login` first.",
      cause: error,
    });
  }
  const denied = /denied|unauthorized|authentication required/i.test(words);
  return new DsoError("engine-refused", `cannot pull "${reference}": ${words}`, {
    ...(denied ? { hint: "Log in with `docker login`, as the user who runs this." } : {}),
    cause: error,
  });
}

/** Through a container that is never started: the engine shows files of containers only. */
async function readImageFile(
  client: Client,
  image: string,
  path: string,
  signal: AbortSignal,
): Promise<Buffer | undefined> {
  const doing = `read ${path} of image ${image}`;
  const body = {
    Image: image,
    Entrypoint: ["/never-started"],
    Cmd: [],
    Labels: { [DSO.throwaway]: JSON.stringify(describeSelf("", doing)) },
    HostConfig: { NetworkMode: "none" },
  };
  const made = await client.json<{ Id: string }>(
    "POST",
    "/containers/create",
    { doing, body },
    signal,
  );
  try {
    const entry = await readEntry(client, made.Id, path, doing, signal);
    if (entry?.link === undefined) return entry?.data;
    const target = new URL(entry.link, `file://${path}`).pathname;
    return (await readEntry(client, made.Id, target, doing, signal))?.data;
  } finally {
    const call = { doing, query: { force: true, v: true }, fine: [404] };
    await client.json("DELETE", `/containers/${made.Id}`, call, AbortSignal.timeout(REMOVAL));
  }
}

async function readEntry(
  client: Client,
  container: string,
  path: string,
  doing: string,
  signal: AbortSignal,
): Promise<ReturnType<typeof firstFile>> {
  const call = { doing, query: { path }, fine: [404] };
  const response = await client.stream("GET", `/containers/${container}/archive`, call, signal);
  if (response.statusCode === 404) {
    response.resume();
    return undefined;
  }
  return firstFile(await readAll(response, call, MAX_FILE));
}

async function hasFile(
  client: Client,
  id: string,
  path: string,
  signal: AbortSignal,
): Promise<boolean> {
  const call = { doing: `look for ${path} in container ${id}`, query: { path }, fine: [404] };
  const url = `/containers/${encodeURIComponent(id)}/archive`;
  const answer = await client.stream("HEAD", url, call, signal);
  answer.resume();
  return answer.statusCode !== 404;
}
