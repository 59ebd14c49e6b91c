/** Stands before a server, counts what it is asked, and spoils answers: another status or body, late, cut, or none. */
import { once } from "node:events";
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  request as httpRequest,
  type ServerResponse,
} from "node:http";
import { createServer as createTlsServer, request as httpsRequest } from "node:https";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";

/** A request as it came. */
export interface Seen {
  readonly method: string;
  /** With the query. */
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface Fault {
  /** Only what this says; absent: everything. */
  readonly when?: (seen: Seen) => boolean;
  /** So many requests, and then no more; absent: for ever. */
  readonly times?: number;
  /** Before anything else. */
  readonly delayMs?: number;
  /** Instead of the server's own answer. */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** `hang`: nothing more comes, ever. `reset`: the connection is cut. */
  readonly end?: "hang" | "reset";
  /** So many bytes of the body come before that end; absent: not even the status does. */
  readonly after?: number;
}

export interface FaultProxy extends AsyncDisposable {
  /** Without a slash at its end. */
  readonly url: string;
  /** All so far. */
  readonly seen: readonly Seen[];
  /** From now on these and no others; the first that is meant is taken. */
  readonly spoil: (...faults: readonly Fault[]) => void;
}

export interface FaultProxyOptions {
  /** Who answers what is not spoiled; absent: nobody does (503). */
  readonly upstream?: string;
  /** PEM: whose certificate of `upstream` is trusted. */
  readonly ca?: string | Buffer;
  /** PEM: speak TLS oneself. */
  readonly tls?: { readonly cert: string | Buffer; readonly key: string | Buffer };
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export async function startFaultProxy(options: FaultProxyOptions = {}): Promise<FaultProxy> {
  const seen: Seen[] = [];
  let faults: { fault: Fault; left: number }[] = [];
  const faultFor = (one: Seen): Fault => {
    const found = faults.find(({ fault, left }) => left > 0 && (fault.when?.(one) ?? true));
    if (found === undefined) return {};
    found.left--;
    return found.fault;
  };
  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    const work = async (): Promise<void> => {
      const { method = "", url: path = "", headers } = request;
      const sent = await buffer(request);
      const one = { method, path, headers, body: sent.toString() };
      seen.push(one);
      await spoiled(faultFor(one), () => passOn(options, one, sent), response);
    };
    work().catch(() => response.destroy());
  };
  const { tls } = options;
  const server = tls === undefined ? createServer(answer) : createTlsServer({ ...tls }, answer);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: `${tls === undefined ? "http" : "https"}://127.0.0.1:${port}`,
    seen,
    spoil: (...next) => {
      faults = next.map((fault) => ({ fault, left: fault.times ?? Infinity }));
    },
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}

async function spoiled(
  fault: Fault,
  ask: () => Promise<Answer>,
  response: ServerResponse,
): Promise<void> {
  const { after, body, delayMs, end, headers = {}, status } = fault;
  if (delayMs !== undefined) await sleep(delayMs);
  const finish = (): unknown => (end === "reset" ? response.destroy() : undefined);
  if (end !== undefined && after === undefined) {
    finish();
    return;
  }
  const isOurs = status !== undefined || body !== undefined;
  const own = { status: status ?? 200, headers, body: Buffer.from(body ?? "") };
  const whole = isOurs ? own : await ask();
  response.writeHead(whole.status, { ...whole.headers, "content-length": whole.body.length });
  // What was written has to leave before the connection is cut.
  if (end === undefined) response.end(whole.body);
  else response.write(whole.body.subarray(0, after), () => setTimeout(finish, 20));
}

/** As it came, the host's name too: it may be signed. */
async function passOn(
  { upstream, ca }: FaultProxyOptions,
  { method, path, headers }: Seen,
  sent: Buffer,
): Promise<Answer> {
  if (upstream === undefined) return { status: 503, headers: {}, body: Buffer.alloc(0) };
  const url = new URL(path, upstream);
  const asked =
    url.protocol === "https:"
      ? httpsRequest(url, { method, headers, ...(ca !== undefined && { ca }) })
      : httpRequest(url, { method, headers });
  asked.end(sent);
  const [response] = (await once(asked, "response")) as [IncomingMessage];
  const ofTheConnection = new Set(["connection", "keep-alive", "transfer-encoding"]);
  const kept = Object.entries(response.headers).filter(([name]) => !ofTheConnection.has(name));
  const body = await buffer(response);
  return { status: response.statusCode ?? 0, headers: Object.fromEntries(kept), body };
}
