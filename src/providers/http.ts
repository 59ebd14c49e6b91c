/** HTTP to a secret store: bounded in time and size, and never sent on to another host. */
import type { IncomingMessage } from "node:http";
import { DsoError } from "../model/errors.ts";

export interface HttpRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
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
}

/** Rejects with `provider-unreachable`, which names the address, or with the signal's reason. */
export type Http = (request: HttpRequest, signal: AbortSignal) => Promise<HttpAnswer>;

export function createHttp(options: HttpOptions): Http {
  return async (request, signal) => {
    signal.throwIfAborted();
    const deadline = AbortSignal.timeout(options.timeoutMs);
    try {
      return await send(options, request, AbortSignal.any([signal, deadline]));
    } catch (error) {
      signal.throwIfAborted();
      throw unreachable(options, request.url, deadline.aborted ? undefined : error);
    }
  };
}

async function send(
  { tls = {}, maxBytes }: HttpOptions,
  { method, url, headers, body }: HttpRequest,
  signal: AbortSignal,
): Promise<HttpAnswer> {
  const { request } =
    url.protocol === "https:" ? await import("node:https") : await import("node:http");
  const { insecure = false, serverName, ...certificates } = tls;
  const trust = {
    ...certificates,
    rejectUnauthorized: !insecure,
    ...(serverName === undefined ? {} : { servername: serverName }),
  };
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const asked = request(url, { method, headers: { ...headers }, signal, agent: false, ...trust });
    asked.once("response", resolve);
    asked.once("error", reject);
    asked.end(body);
  });
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of response as AsyncIterable<Buffer>) {
    size += part.length;
    if (size > maxBytes) throw new Error(`its answer has more than ${maxBytes} bytes`);
    parts.push(part);
  }
  const { statusCode = 0, headers: answered } = response;
  return { status: statusCode, headers: answered, body: Buffer.concat(parts) };
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
};
const UNTRUSTED =
  /^(UNABLE_TO_VERIFY_LEAF_SIGNATURE|SELF_SIGNED_CERT_IN_CHAIN|DEPTH_ZERO_SELF_SIGNED_CERT|UNABLE_TO_GET_ISSUER_CERT(_LOCALLY)?)$/;

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}

function reasonOf(error: unknown): string {
  const code = codeOf(error);
  if (UNTRUSTED.test(code)) return "its certificate is signed by nobody that is trusted";
  return REASONS[code] ?? (code || (error instanceof Error ? error.message : String(error)));
}

function hintFor(error: unknown): string {
  const code = codeOf(error);
  if (UNTRUSTED.test(code)) return "Name the certificates to trust under tls: ca_cert in dso.yaml.";
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID") {
    return "Correct the address, or name what the certificate is for under tls: server_name.";
  }
  if (/^CERT_/.test(code)) return "Renew the server's certificate, and look at the clocks.";
  return "Correct the address in dso.yaml, or start the server: what runs keeps what it has.";
}
