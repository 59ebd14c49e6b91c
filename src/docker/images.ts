import { describeSelf } from "../lib/lockRecord.ts";
import { DSO } from "../model/labels.ts";
import type { Engine } from "../model/ports.ts";
import { readAll, type Client } from "./client.ts";
import { pathOf } from "./pull.ts";
import { firstFile } from "./tar.ts";
import { toImage } from "./translateImage.ts";
import type { WireImage } from "./wire.ts";

type Images = Pick<Engine, "inspectImage" | "readImageFile" | "hasFile">;

/** Far more than any file we ask for; an image is not trusted to be sensible. */
const MAX_FILE = 16 * 1024 * 1024;
const REMOVAL = 60_000;

export function images(client: Client): Images {
  return {
    async inspectImage(reference, signal) {
      const path = `/images/${pathOf(reference)}/json`;
      const call = { doing: `inspect image ${reference}`, fine: [404] };
      const wire = await client.json<WireImage | undefined>("GET", path, call, signal);
      return wire === undefined ? undefined : toImage(wire);
    },

    readImageFile: (image, path, signal) => readImageFile(client, image, path, signal),
    hasFile: (id, path, signal) => hasFile(client, id, path, signal),
  };
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
