import type { Agent, ClientRequest, IncomingMessage, RequestOptions } from "node:http";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import type { EngineConnection, TlsFiles } from "./connection.ts";
import { unreachable } from "./errors.ts";

export interface WireRequest {
  readonly method: "GET" | "POST" | "DELETE" | "HEAD";
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** HTTP to the engine over whatever route. Rejects with `engine-unreachable`, or with the signal's reason. */
export interface Transport {
  send(request: WireRequest, signal: AbortSignal): Promise<IncomingMessage>;
  /** For attach and exec: the raw connection once the engine has switched to it. */
  upgrade(
    request: WireRequest,
    signal: AbortSignal,
  ): Promise<{ readonly socket: Duplex } | { readonly refused: IncomingMessage }>;
  close(): void;
}

interface Opened {
  readonly request: (options: RequestOptions) => ClientRequest;
  readonly options: RequestOptions;
  readonly agent: Agent;
}

/**
 * Plain `node:http`, not an SDK: loading one takes longer than all the answers
 * that a plan asks for.
 */
export function createTransport(connection: EngineConnection): Transport {
  let opening: Promise<Opened> | undefined;

  async function start(wire: WireRequest, signal: AbortSignal): Promise<ClientRequest> {
    const { request, options, agent } = await (opening ??= open(connection));
    signal.throwIfAborted();
    const path = `${prefixOf(connection)}${wire.path}`;
    const headers = { ...wire.headers, ...bodyHeaders(wire.body) };
    const asked = { ...options, agent, method: wire.method, path, headers };
    return destroyedOnAbort(request(asked), signal);
  }

  async function ask<T>(
    wire: WireRequest,
    signal: AbortSignal,
    heard: (request: ClientRequest) => Promise<T>,
  ): Promise<T> {
    const request = await start(wire, signal);
    try {
      const answer = heard(request);
      request.end(wire.body);
      return await answer;
    } catch (error) {
      signal.throwIfAborted();
      // An idle connection that the engine has closed meanwhile; only reading is safe to ask twice.
      if (wire.method === "GET" && request.reusedSocket) return ask(wire, signal, heard);
      throw unreachable(connection.endpoint, error);
    }
  }

  return {
    send: (wire, signal) => ask(wire, signal, answered),
    upgrade(wire, signal) {
      const headers = { ...wire.headers, Connection: "Upgrade", Upgrade: "tcp" };
      return ask({ ...wire, headers }, signal, switched);
    },
    close() {
      const done = (): void => undefined;
      opening?.then(({ agent }) => {
        agent.destroy();
      }, done);
    },
  };
}

/**
 * As the option `signal` does, for which Node loads what looks after streams of any kind. Whoever
 * reads the answer's body hears the signal's reason, too: of a request alone it would hear of a broken connection.
 */
function destroyedOnAbort(request: ClientRequest, signal: AbortSignal): ClientRequest {
  let body: IncomingMessage | undefined;
  request.once("response", (response) => (body = response));
  const abort = (): void => {
    body?.destroy(signal.reason as Error);
    request.destroy(signal.reason as Error);
  };
  signal.addEventListener("abort", abort, { once: true });
  request.once("close", () => signal.removeEventListener("abort", abort));
  return request;
}

function answered(request: ClientRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    request.once("response", resolve);
    request.on("error", reject);
  });
}

function switched(
  request: ClientRequest,
): Promise<{ readonly socket: Duplex } | { readonly refused: IncomingMessage }> {
  return new Promise((resolve, reject) => {
    request.once("upgrade", (_response, socket, head) => {
      if (head.length > 0) socket.unshift(head);
      resolve({ socket });
    });
    request.once("response", (refused) => resolve({ refused }));
    request.on("error", reject);
  });
}

function bodyHeaders(body: string | undefined): Record<string, string | number> {
  if (body === undefined) return { "Content-Length": 0 };
  return { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(body) };
}

function prefixOf(connection: EngineConnection): string {
  return connection.route.kind === "tcp" ? connection.route.prefix : "";
}

const KEEP = { keepAlive: true, maxFreeSockets: 4 };

async function open(connection: EngineConnection): Promise<Opened> {
  const { route } = connection;
  // An import would evaluate every export, and one of them loads a whole second
  // HTTP client: 30 ms of a start that has less than 90 for everything.
  const http = process.getBuiltinModule("node:http");
  switch (route.kind) {
    case "unix": {
      // Without a name Node works one out for TLS, which there is none of, and compiles the pattern
      // of an IPv6 address for it.
      const options = { socketPath: route.path, servername: "" };
      return { request: (given) => http.request(given), options, agent: new http.Agent(KEEP) };
    }
    case "ssh": {
      const { openSsh } = await import("./ssh.ts");
      const agent = Object.assign(new http.Agent(KEEP), {
        createConnection: () => openSsh(route, connection.env),
      });
      return { request: (given) => http.request(given), options: { host: "docker" }, agent };
    }
    case "tcp": {
      const options = { host: route.host, port: route.port };
      if (route.tls === undefined) {
        return { request: (given) => http.request(given), options, agent: new http.Agent(KEEP) };
      }
      const https = process.getBuiltinModule("node:https");
      const agent = new https.Agent({ ...KEEP, ...(await readTls(route.tls)) });
      return { request: (given) => https.request(given), options, agent };
    }
  }
}

async function readTls(tls: TlsFiles): Promise<Record<string, Buffer | boolean>> {
  const { readFile } = await import("node:fs/promises");
  const files: Record<string, Buffer | boolean> = { rejectUnauthorized: tls.verify };
  if (tls.directory === "") return files;
  for (const name of ["ca", "cert", "key"]) {
    const file = join(tls.directory, `${name}.pem`);
    try {
      files[name] = await readFile(file);
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) {
        throw unreachable(file, error);
      }
    }
  }
  return files;
}
