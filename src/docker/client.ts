import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { DsoError, hasCode } from "../model/errors.ts";
import type { EngineConnection } from "./connection.ts";
import { Refusal, refusalError } from "./errors.ts";
import { askOnce } from "../lib/together.ts";
import { createTransport, type Transport, type WireRequest } from "./transport.ts";
import type { WireVersion } from "./wire.ts";

/** The newest API that this adapter was tried with. */
const KNOWN_API = "1.51";
const MINUTE = 60_000;

export interface Call {
  /** What is tried, for the error: "start container web". */
  readonly doing: string;
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** Asked in whatever version the engine prefers, so without waiting to hear which it has. */
  readonly unversioned?: boolean;
  /** Statuses that mean "it is so already" or "there is none": answered with undefined. */
  readonly fine?: readonly number[];
  /** Milliseconds; null waits for as long as it takes. One minute unless told. */
  readonly deadline?: number | null;
}

/** The Engine API: versioned paths, deadlines, and refusals as DsoError with the `Refusal` as its cause. */
export interface Client {
  /** The API version in use. */
  api(signal: AbortSignal): Promise<string>;
  /** The answer's JSON; undefined where it has no body or its status is one of `fine`. */
  json<T>(method: WireRequest["method"], path: string, call: Call, signal: AbortSignal): Promise<T>;
  /** The answer's body as it comes. */
  stream(
    method: WireRequest["method"],
    path: string,
    call: Call,
    signal: AbortSignal,
  ): Promise<IncomingMessage>;
  hijack(path: string, call: Call, signal: AbortSignal): Promise<Duplex>;
  close(): void;
}

export function createClient(connection: EngineConnection): Client {
  const transport = createTransport(connection);
  const agreed = askOnce((signal) => agreeOnApi(transport, signal));
  const api = async (signal: AbortSignal): Promise<string> =>
    connection.apiVersion ?? agreed(signal);

  async function wire(
    method: WireRequest["method"],
    path: string,
    call: Call,
    signal: AbortSignal,
  ): Promise<WireRequest> {
    const prefix = call.unversioned === true ? "" : `/v${await api(signal)}`;
    return {
      method,
      path: `${prefix}${path}${queryText(call.query)}`,
      ...(call.headers === undefined ? {} : { headers: call.headers }),
      ...(call.body === undefined ? {} : { body: JSON.stringify(call.body) }),
    };
  }

  return {
    api,
    json: <T>(method: WireRequest["method"], path: string, call: Call, signal: AbortSignal) =>
      within(call, signal, async (limited) =>
        readJson<T>(await transport.send(await wire(method, path, call, limited), limited), call),
      ),
    async stream(method, path, call, signal) {
      return checked(await transport.send(await wire(method, path, call, signal), signal), call);
    },
    async hijack(path, call, signal) {
      const answer = await transport.upgrade(await wire("POST", path, call, signal), signal);
      if ("socket" in answer) return answer.socket;
      await checked(answer.refused, call);
      throw new DsoError("engine-refused", `${call.doing}: the engine kept to plain HTTP`);
    },
    close: () => {
      transport.close();
    },
  };
}

/**
 * The ping's head says it at once; to answer `/version` an engine runs programs that it works with.
 * That is asked only where the ping says nothing, or where the engine is newer than this adapter.
 */
function agreeOnApi(transport: Transport, signal: AbortSignal): Promise<string> {
  const call = { doing: "ask for the engine's version" };
  const get = async (path: string, limited: AbortSignal): Promise<IncomingMessage> =>
    checked(await transport.send({ method: "GET", path }, limited), call);
  return within(call, signal, async (limited) => {
    const ping = await get("/_ping", limited);
    // Read to its end, or the connection is of no use to the next call.
    await readAll(ping, call);
    const offered = ping.headers["api-version"];
    if (typeof offered === "string" && !newer(offered, KNOWN_API)) return offered;
    return negotiate(await readJson(await get("/version", limited), call));
  });
}

async function readJson<T>(response: IncomingMessage, call: Call): Promise<T> {
  const text = (await readAll(await checked(response, call), call)).toString();
  const empty = text === "" || call.fine?.includes(response.statusCode ?? 0);
  return (empty ? undefined : parse(text, call)) as T;
}

/** Quotes nothing: what is left of an answer may hold a container's environment. */
function parse(text: string, { doing }: Call): unknown {
  try {
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed === "object" && parsed !== null) return parsed;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw new DsoError("engine-unreachable", `${doing}: what answered is no Docker engine`, {
    hint: "Its answer is damaged, or a proxy gave it: look at what DOCKER_HOST leads to.",
  });
}

/** The older of what the engine speaks and what we know, but never below what the engine accepts. */
export function negotiate(version: WireVersion): string {
  const wanted = newer(version.ApiVersion, KNOWN_API) ? KNOWN_API : version.ApiVersion;
  const least = version.MinAPIVersion ?? wanted;
  return newer(least, wanted) ? least : wanted;
}

/** Whether API version `a` is newer than `b`. */
export function newer(a: string, b: string): boolean {
  const [aMajor = 0, aMinor = 0] = a.split(".").map(Number);
  const [bMajor = 0, bMinor = 0] = b.split(".").map(Number);
  return aMajor === bMajor ? aMinor > bMinor : aMajor > bMajor;
}

async function within<T>(
  call: Call,
  signal: AbortSignal,
  work: (limited: AbortSignal) => Promise<T>,
): Promise<T> {
  if (call.deadline === null) return work(signal);
  const milliseconds = call.deadline ?? MINUTE;
  const timeout = AbortSignal.timeout(milliseconds);
  try {
    return await work(AbortSignal.any([signal, timeout]));
  } catch (error) {
    if (!timeout.aborted || signal.aborted) throw error;
    throw new DsoError(
      "engine-unreachable",
      `${call.doing}: the engine did not answer within ${milliseconds / 1000} s`,
      { hint: "It is overloaded or stuck: `journalctl -u docker` may say why.", cause: error },
    );
  }
}

async function checked(response: IncomingMessage, call: Call): Promise<IncomingMessage> {
  const status = response.statusCode ?? 0;
  if ((status < 400 && status !== 304) || call.fine?.includes(status)) return response;
  const text = refusalText((await readAll(response, call)).toString(), status);
  throw refusalError(new Refusal(status, text), call.doing);
}

function refusalText(body: string, status: number): string {
  try {
    const parsed: unknown = JSON.parse(body);
    if (typeof parsed === "object" && parsed !== null && "message" in parsed) {
      return String(parsed.message);
    }
  } catch (error) {
    // Proxies in front of an engine answer in plain text.
    if (!(error instanceof SyntaxError)) throw error;
  }
  return body === "" ? `HTTP status ${status}` : body.slice(0, 1000);
}

/** All of a body; `limit` bytes at most, so that a hostile one does not fill the memory. One that breaks off is none. */
export async function readAll(
  body: AsyncIterable<Buffer>,
  { doing }: Call,
  limit = Infinity,
): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of body) {
      size += chunk.length;
      if (size > limit) {
        throw new DsoError("engine-refused", `${doing}: the engine sent more than ${limit} bytes`);
      }
      chunks.push(chunk);
    }
  } catch (error) {
    if (!hasCode(error, "ECONNRESET", "EPIPE", "ERR_STREAM_PREMATURE_CLOSE")) throw error;
    throw new DsoError("engine-unreachable", `${doing}: the engine's answer broke off`, {
      hint: "Is the engine running (`systemctl status docker`)?",
      cause: error,
    });
  }
  return Buffer.concat(chunks);
}

function queryText(query: Call["query"]): string {
  const parameters = new URLSearchParams();
  for (const [key, value] of Object.entries(query ?? {})) {
    if (value !== undefined) parameters.set(key, String(value));
  }
  return parameters.size === 0 ? "" : `?${parameters.toString()}`;
}
