/** Calls of Vault's HTTP API: what it says, in our words. Source of paths and codes: its API documentation. */
import { DsoError } from "../../model/errors.ts";
import type { Secret } from "../../model/secret.ts";
import type { Http, HttpAnswer } from "../http.ts";

export interface VaultAddress {
  /** As dso.yaml names the provider. */
  readonly provider: string;
  /** Without credentials, query and fragment. */
  readonly addr: URL;
  readonly namespace: string | undefined;
}

export interface VaultCall {
  readonly method: "GET" | "POST";
  /** Below `/v1/`, percent-encoded. */
  readonly path: string;
  readonly body?: Readonly<Record<string, unknown>>;
  readonly token?: Secret;
}

/** JSON as it came; nothing in it is taken on trust. */
export type Json =
  null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

export interface VaultAnswer {
  readonly status: number;
  readonly body: Json;
  /** What Vault itself says is wrong: foreign text. */
  readonly errors: readonly string[];
  /** By the server's own clock, ms since the epoch. */
  readonly at: number;
}

/**
 * Answers whatever a healthy Vault says, denials and "not found" included. Rejects with
 * `provider-unreachable` where it is sealed, breaks down, sends us on to another host or is no Vault,
 * and with `provider-throttled`.
 */
export type VaultApi = (call: VaultCall, signal: AbortSignal) => Promise<VaultAnswer>;

export function createApi({ request }: Pick<Http, "request">, address: VaultAddress): VaultApi {
  const { addr, namespace } = address;
  return async ({ method, path, body, token }, signal) => {
    const sent = token?.reveal().toString();
    const headers = {
      "X-Vault-Request": "true",
      ...(namespace === undefined ? {} : { "X-Vault-Namespace": namespace }),
      ...(sent === undefined ? {} : { "X-Vault-Token": sent }),
      ...(body === undefined ? {} : { "Content-Type": "application/json" }),
    };
    const url = new URL(`${baseOf(addr)}/v1/${path}`);
    const asked = { method, url, headers, ...(body && { body: JSON.stringify(body) }) };
    const answer = await request(asked, signal);
    const hidden = [sent, ...Object.values(body ?? {})].filter((one) => typeof one === "string");
    return understood(address, answer, hidden);
  };
}

function baseOf({ origin, pathname }: URL): string {
  return origin + pathname.replace(/\/+$/, "");
}

function understood(
  address: VaultAddress,
  { status, headers, body }: HttpAnswer,
  hidden: readonly string[],
): VaultAnswer {
  if (status >= 300 && status < 400) throw sentOn(address, headers["location"]);
  const parsed = body.length === 0 ? null : parse(body);
  body.fill(0);
  const errors = parsed === undefined ? [] : errorsIn(parsed, hidden);
  const said = errors.length > 0 ? `: ${errors.join("; ")}` : "";
  if (status === 429) throw throttled(address, said);
  if (status >= 500) throw broken(address, status, said);
  if (parsed === undefined) throw noVault(address, status);
  const date = Date.parse(typeof headers["date"] === "string" ? headers["date"] : "");
  return { status, body: parsed, errors, at: Number.isNaN(date) ? Date.now() : date };
}

function parse(body: Buffer): Json | undefined {
  try {
    return JSON.parse(body.toString("utf8")) as Json;
  } catch {
    return undefined;
  }
}

const LONGEST = 300;

/** In one line each, without what we have sent: somebody on the way may say it back. */
function errorsIn(body: Json, hidden: readonly string[]): readonly string[] {
  const errors = field(body, "errors");
  if (!Array.isArray(errors)) return [];
  const texts = errors.filter((one) => typeof one === "string");
  return texts.map((one) =>
    hidden
      .filter((text) => text.length > 3)
      .reduce((said, text) => said.replaceAll(text, "[secret]"), one)
      .trim()
      .replaceAll(/\s+/g, " ")
      .slice(0, LONGEST),
  );
}

/** A member of an object; undefined where it is none, or has no such member of its own. */
export function field(json: Json | undefined, name: string): Json | undefined {
  if (typeof json !== "object" || json === null || Array.isArray(json)) return undefined;
  return Object.hasOwn(json, name) ? (json as { readonly [key: string]: Json })[name] : undefined;
}

export function textField(json: Json | undefined, name: string): string | undefined {
  const found = field(json, name);
  return typeof found === "string" && found !== "" ? found : undefined;
}

export function numberField(json: Json | undefined, name: string): number | undefined {
  const found = field(json, name);
  return typeof found === "number" && Number.isFinite(found) ? found : undefined;
}

function sentOn({ provider, addr }: VaultAddress, location: unknown): DsoError {
  const where = typeof location === "string" ? originOf(location) : "somewhere else";
  return new DsoError(
    "provider-unreachable",
    `provider "${provider}": ${baseOf(addr)} sends us on to ${where}`,
    {
      hint: "A token is sent to no host but the one in dso.yaml: name the active server there, or what stands before them all.",
    },
  );
}

function originOf(location: string): string {
  try {
    return new URL(location).origin;
  } catch {
    return "somewhere else";
  }
}

function throttled({ provider, addr }: VaultAddress, said: string): DsoError {
  const message = `provider "${provider}": ${baseOf(addr)} takes no more requests for now${said}`;
  return new DsoError("provider-throttled", message, {
    hint: "Raise its rate limit, or ask less often: agent.watch.polling_interval.",
  });
}

function broken({ provider, addr }: VaultAddress, status: number, said: string): DsoError {
  const sealed = status === 503 && /sealed/i.test(said);
  const what = sealed ? "is sealed" : `answers with ${status}${said}`;
  return new DsoError("provider-unreachable", `provider "${provider}": ${baseOf(addr)} ${what}`, {
    hint: sealed
      ? "Unseal it; what runs keeps what it has."
      : "Look at the server's log; what runs keeps what it has.",
  });
}

function noVault({ provider, addr }: VaultAddress, status: number): DsoError {
  const message = `provider "${provider}": what answers at ${baseOf(addr)} (status ${status}) is no Vault: that was no JSON`;
  return new DsoError("provider-unreachable", message, {
    hint: "Correct addr in dso.yaml; a proxy before it may answer in its place.",
  });
}

/** Percent-encoded, without a slash at either end. */
export function urlPath(path: string): string {
  return path.split("/").filter(Boolean).map(encodeURIComponent).join("/");
}
