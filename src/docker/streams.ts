import type { Duplex } from "node:stream";
import type { Engine, ExecRequest, Streams } from "../model/ports.ts";
import type { Client } from "./client.ts";
import { demultiplex, type Chunk } from "./demultiplex.ts";
import { untilAborted, untilBroken } from "./events.ts";
import type { WireContainer } from "./wire.ts";

type Streaming = Pick<Engine, "logTail" | "logs" | "attach" | "exec">;

export function streaming(client: Client): Streaming {
  return {
    async logTail(id, tail, signal) {
      const texts: string[] = [];
      const options = { follow: false, timestamps: false, tail };
      for await (const chunk of logs(client, id, options, signal))
        texts.push(chunk.data.toString());
      return texts.join("");
    },
    logs: (id, options, signal) => untilAborted(logs(client, id, options, signal), signal),
    attach: (id, streams, signal) => attach(client, id, streams, signal),
    exec: (id, request, streams, signal) => exec(client, id, { request, streams }, signal),
  };
}

async function* logs(
  client: Client,
  id: string,
  options: Parameters<Engine["logs"]>[1],
  signal: AbortSignal,
): AsyncGenerator<Chunk> {
  const doing = `read the log of container ${id}`;
  const path = `/containers/${encodeURIComponent(id)}`;
  // Engines before API 1.42 do not say whether the log is framed: a terminal's is not.
  const { Config } = await client.json<WireContainer>("GET", `${path}/json`, { doing }, signal);
  const query = { stdout: true, stderr: true, ...options };
  const body = await client.stream("GET", `${path}/logs`, { doing, query }, signal);
  const stream = untilBroken(body);
  if (Config.Tty !== true) yield* demultiplex(stream);
  else for await (const data of stream) yield { stream: "stdout", data };
}

async function attach(
  client: Client,
  id: string,
  streams: Streams,
  signal: AbortSignal,
): ReturnType<Engine["attach"]> {
  const path = `/containers/${encodeURIComponent(id)}`;
  const doing = `attach to container ${id}`;
  const stdin = streams.input !== undefined;
  const query = { stream: true, stdout: true, stderr: true, stdin };
  const socket = await client.hijack(`${path}/attach`, { doing, query }, signal);
  offerResize(client, `${path}/resize`, streams, signal);
  return { done: pump(socket, streams, signal) };
}

async function exec(
  client: Client,
  id: string,
  { request, streams }: { request: ExecRequest; streams: Streams },
  signal: AbortSignal,
): Promise<number> {
  const doing = `run a command in container ${id}`;
  const body = execBody(request, streams);
  const path = `/containers/${encodeURIComponent(id)}/exec`;
  const made = await client.json<{ Id: string }>("POST", path, { doing, body }, signal);
  const start = { doing, body: { Detach: false, Tty: request.tty } };
  const socket = await client.hijack(`/exec/${made.Id}/start`, start, signal);
  offerResize(client, `/exec/${made.Id}/resize`, streams, signal);
  await pump(socket, streams, signal);
  const ended = await client.json<{ ExitCode: number | null }>(
    "GET",
    `/exec/${made.Id}/json`,
    { doing },
    signal,
  );
  return ended.ExitCode ?? 0;
}

function execBody(request: ExecRequest, streams: Streams): Record<string, unknown> {
  return {
    AttachStdin: streams.input !== undefined,
    AttachStdout: true,
    AttachStderr: true,
    Tty: request.tty,
    Cmd: request.argv,
    Env: request.environment ?? [],
    Privileged: request.privileged ?? false,
    ...(request.user === undefined ? {} : { User: request.user }),
    ...(request.workingDir === undefined ? {} : { WorkingDir: request.workingDir }),
  };
}

function offerResize(client: Client, path: string, streams: Streams, signal: AbortSignal): void {
  streams.onResize?.((w, h) => {
    const call = { doing: "resize the terminal", query: { w, h } };
    // A program that has ended meanwhile needs no size any more.
    client.json("POST", path, call, signal).catch(() => undefined);
  });
}

/** Both ways until the far side closes; rejects with the signal's reason when aborted. */
async function pump(socket: Duplex, streams: Streams, signal: AbortSignal): Promise<void> {
  const abort = (): void => void socket.destroy();
  signal.addEventListener("abort", abort, { once: true });
  const { input } = streams;
  if (input === undefined) socket.end();
  else input.pipe(socket);
  try {
    const chunks = untilBroken(socket);
    if (streams.tty) for await (const data of chunks) streams.output(data);
    else for await (const { stream, data } of demultiplex(chunks)) deliver(streams, stream, data);
    signal.throwIfAborted();
  } finally {
    signal.removeEventListener("abort", abort);
    input?.unpipe(socket);
    socket.destroy();
  }
}

function deliver(streams: Streams, stream: Chunk["stream"], data: Buffer): void {
  if (stream === "stdout") streams.output(data);
  else streams.error(data);
}
