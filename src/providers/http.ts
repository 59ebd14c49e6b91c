/** HTTP to a secret store: bounded in time and size, and never sent on to another host. */
import type { ClientRequest, IncomingMessage } from "node:http";
import { DsoError } from "../model/errors.ts";
import type { Pace } from "./pace.ts";

export interface HttpRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** Whoever reads it overwrites it: there may be values in it. */
  readonly body: Buffer;
}

/** Who is trusted, and who we are. PEM. */
export interface TlsOptions {
  readonly ca?: Buffer;
  readonly cert?: Buffer;
  readonly key?: Buffer;
  readonly serverName?: string;
  /** Any certificate will do: somebody said so in dso.yaml. */
  readonly insecure?: boolean;
}

export interface HttpOptions {
  /** As dso.yaml names the provider; for messages. */
  readonly provider: string;
  readonly tls?: TlsOptions;
  readonly timeoutMs: number;
  readonly maxBytes: number;
  /** Absent: as many as are wanted, at once. */
  readonly pace?: Pace;
}

export interface Http {
  /** Rejects with `provider-unreachable`, which names the address, or with the signal's reason. */
  request(request: HttpRequest, signal: AbortSignal): Promise<HttpAnswer>;
  close(): void;
}

type Send = (url: URL, options: object) => ClientRequest;
interface Connections {
  readonly send: Send;
  readonly close: () => void;
}

/** Connections are kept between requests: a handshake costs more than what is asked. */
export function createHttp(options: HttpOptions): Http {
  const kept = new Map<string, Promise<Connections>>();
  const connectionsFor = (protocol: string): Promise<Connections> => {
    const known = kept.get(protocol) ?? connect(protocol, options.tls ?? {});
    kept.set(protocol, known);
    return known;
  };
  return {
    async request(request, signal) {
      signal.throwIfAborted();
      // Whoever waits for its turn is not yet waiting for an answer.
      await options.pace?.(signal);
      const deadline = AbortSignal.timeout(options.timeoutMs);
      const bounded = AbortSignal.any([signal, deadline]);
      try {
        const { send } = await connectionsFor(request.url.protocol);
        return await readAll(await ask(send, request, bounded), options.maxBytes);
      } catch (error) {
        signal.throwIfAborted();
        throw unreachable(options, request.url, deadline.aborted ? undefined : error);
      }
    },
    close() {
      for (const connections of kept.values()) void connections.then(({ close }) => close());
      kept.clear();
    },
  };
}

async function connect(protocol: string, tls: TlsOptions): Promise<Connections> {
  const pooled = { keepAlive: true, maxSockets: 8 };
  if (protocol !== "https:") {
    const { Agent, request } = await import("node:http");
    const agent = new Agent(pooled);
    return {
      send: (url, options) => request(url, { ...options, agent }),
      close: () => agent.destroy(),
    };
  }
  const { Agent, request } = await import("node:https");
  const { insecure = false, serverName, ...certificates } = tls;
  const named = serverName === undefined ? {} : { servername: serverName };
  const agent = new Agent({ ...pooled, ...certificates, ...named, rejectUnauthorized: !insecure });
  return {
    send: (url, options) => request(url, { ...options, agent }),
    close: () => agent.destroy(),
  };
}

async function ask(
  send: Send,
  request: HttpRequest,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  const { method, url, headers, body } = request;
  const asked = send(url, { method, headers: { ...headers }, signal });
  try {
    return await new Promise<IncomingMessage>((resolve, reject) => {
      asked.once("response", resolve);
      asked.once("error", reject);
      asked.end(body);
    });
  } catch (error) {
    // A kept connection that the other side has closed meanwhile: what only reads is asked again.
    if (!asked.reusedSocket || method !== "GET" || codeOf(error) !== "ECONNRESET") throw error;
    return ask(send, request, signal);
  }
}

async function readAll(response: IncomingMessage, maxBytes: number): Promise<HttpAnswer> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of response as AsyncIterable<Buffer>) {
    size += part.length;
    if (size > maxBytes) throw new Error(`its answer has more than ${maxBytes} bytes`);
    parts.push(part);
  }
  const body = Buffer.concat(parts);
  for (const part of parts) part.fill(0);
  return { status: response.statusCode ?? 0, headers: response.headers, body };
}

/** Without the error itself: it may hold the request, and so what we sent. */
function unreachable({ provider, timeoutMs }: HttpOptions, url: URL, error: unknown): DsoError {
  const why = error === undefined ? `no answer within ${timeoutMs / 1000} s` : reasonOf(error);
  return new DsoError("provider-unreachable", `provider "${provider}" at ${url.origin}: ${why}`, {
    hint: hintFor(error),
  });
}

const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: "nobody listens there",
  ECONNRESET: "the connection was cut",
  ENOTFOUND: "there is no such host",
  EAI_AGAIN: "no name server answers",
  EHOSTUNREACH: "there is no way to that host",
  ENETUNREACH: "there is no way to that network",
  ETIMEDOUT: "no answer",
  EPROTO: "that is no TLS server",
  ERR_SSL_WRONG_VERSION_NUMBER: "that is no TLS server",
  CERT_HAS_EXPIRED: "its certificate has expired",
  CERT_NOT_YET_VALID: "its certificate is not valid yet",
  ERR_TLS_CERT_ALTNAME_INVALID: "its certificate is for another name",
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: "it asks for a certificate of ours",
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: "it does not trust our certificate",
  ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE: "it does not take our certificate",
};
const UNTRUSTED =
  /^(UNABLE_TO_VERIFY_LEAF_SIGNATURE|SELF_SIGNED_CERT_IN_CHAIN|DEPTH_ZERO_SELF_SIGNED_CERT|UNABLE_TO_GET_ISSUER_CERT(_LOCALLY)?)$/;

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}

/** Nobody that is trusted has signed the certificate of whoever answers. */
export function isUntrusted(error: unknown): boolean {
  return UNTRUSTED.test(codeOf(error));
}

/** Why there was no answer, in a few words. */
export function reasonOf(error: unknown): string {
  const code = codeOf(error);
  if (isUntrusted(error)) return "its certificate is signed by nobody that is trusted";
  return REASONS[code] ?? (code || (error instanceof Error ? error.message : String(error)));
}

function hintFor(error: unknown): string {
  const code = codeOf(error);
  if (isUntrusted(error)) return "Name the certificates to trust under tls: ca_cert in dso.yaml.";
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID") {
    return "Correct the address, or name what the certificate is for under tls: server_name.";
  }
  if (/^ERR_SSL_.*_ALERT_(CERTIFICATE_REQUIRED|UNKNOWN_CA|BAD_CERTIFICATE)$/.test(code)) {
    return "Name the right one under tls: client_cert and client_key in dso.yaml.";
  }
  if (/^CERT_/.test(code)) return "Renew the server's certificate, and look at the clocks.";
  return "Correct the address in dso.yaml, or start the server: what runs keeps what it has.";
}
