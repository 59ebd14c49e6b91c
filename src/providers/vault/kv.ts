/** Secrets of a KV engine, version 1 or 2: what its answers mean. */
import { DsoError } from "../../model/errors.ts";
import { type SecretData, type SecretRequest, UNSUPPORTED } from "../../model/ports.ts";
import type { Secret } from "../../model/secret.ts";
import type { Version } from "../../model/version.ts";
import { valuesOfObject } from "../jsonValues.ts";
import { field, type Json, numberField, textField, type VaultAnswer, urlPath } from "./api.ts";
import { type Mount, noMount } from "./mount.ts";
import type { VaultSession } from "./session.ts";

export interface Kv {
  readonly provider: string;
  readonly session: VaultSession;
  readonly mount: Mount;
}

/** The newest version, or that the pinned one is there; no value is read. Rejects with what the server says of it. */
export async function versionIn(
  kv: Kv,
  request: SecretRequest,
  signal: AbortSignal,
): Promise<Version | typeof UNSUPPORTED> {
  if (kv.mount.version === 1) return UNSUPPORTED;
  const path = pathOf(kv, "metadata", request);
  const answer = await kv.session.call({ method: "GET", path }, signal);
  if (answer.status !== 200) throw faultOf(kv, request, path, answer);
  return versionOf(kv, request, field(answer.body, "data"), answer.at);
}

/** From the metadata of a secret; `at`: the server's time, ms. */
export function versionOf(
  kv: Kv,
  request: SecretRequest,
  metadata: Json | undefined,
  at: number,
): Version {
  const current = numberField(metadata, "current_version") ?? 0;
  const wanted = request.pinned ?? String(current);
  const one = field(field(metadata, "versions"), wanted);
  if (one === undefined || !isThere(one, at)) throw goneOrMissing(kv, request, one !== undefined);
  return wanted;
}

/** Neither deleted nor destroyed: a deleted one keeps its number, and one that will be has a time to come. */
function isThere(version: Json, at: number): boolean {
  const deleted = Date.parse(textField(version, "deletion_time") ?? "");
  // The server tells its time in whole seconds.
  return field(version, "destroyed") !== true && !(deleted <= at + 1000);
}

export async function readIn(
  kv: Kv,
  request: SecretRequest,
  signal: AbortSignal,
): Promise<SecretData> {
  const isFirst = kv.mount.version === 1;
  const path = pathOf(kv, isFirst ? "" : "data", request);
  const query =
    isFirst || request.pinned === undefined ? "" : `?version=${encodeURIComponent(request.pinned)}`;
  const answer = await kv.session.call({ method: "GET", path: path + query }, signal);
  const data = field(answer.body, "data");
  if (answer.status !== 200) {
    // Deleted or destroyed is "not found" with a body.
    if (answer.status === 404 && data !== undefined) throw goneOrMissing(kv, request, true);
    throw faultOf(kv, request, path, answer);
  }
  if (isFirst) return { version: "", values: valuesIn(data) };
  const version = numberField(field(data, "metadata"), "version");
  return { version: String(version ?? ""), values: valuesIn(field(data, "data")) };
}

function pathOf({ mount }: Kv, part: string, { path }: SecretRequest): string {
  return [mount.path, part, urlPath(path)].filter((one) => one !== "").join("/");
}

function valuesIn(data: Json | undefined): ReadonlyMap<string, Secret> {
  const isObject = typeof data === "object" && data !== null && !Array.isArray(data);
  return isObject ? valuesOfObject(data) : new Map();
}

function goneOrMissing(
  { provider }: Kv,
  { path, pinned }: SecretRequest,
  wasThere: boolean,
): DsoError {
  const name = `secret "${provider}:${path}"`;
  if (pinned !== undefined) {
    return new DsoError("secret-version-gone", `${name} has no version ${pinned} any more`, {
      hint: "Take another version, or undelete it: vault kv undelete.",
    });
  }
  const what = wasThere ? "is deleted" : "does not exist";
  return new DsoError("secret-missing", `${name} ${what}`, {
    hint: wasThere ? "Bring it back: vault kv undelete." : "Write it: vault kv put.",
  });
}

function faultOf(kv: Kv, request: SecretRequest, path: string, answer: VaultAnswer): DsoError {
  const { provider, mount } = kv;
  const { errors, status } = answer;
  const said = errors.join("; ");
  if (status === 403) return denied(kv, request, path);
  if (/no handler for route/.test(said)) return noMount(provider, decodeURIComponent(mount.path));
  if (/namespace not found/.test(said)) {
    return new DsoError("config-invalid", `provider "${provider}": there is no such namespace`, {
      hint: `Correct providers.${provider}.namespace.`,
    });
  }
  // Another "not found" than the engine's own is somebody else's.
  const isOwn = errors.length === 0 && Array.isArray(field(answer.body, "errors"));
  if (status === 404 && isOwn) return goneOrMissing(kv, request, false);
  return new DsoError(
    "provider-unreachable",
    `provider "${provider}" answers with ${status} for "${request.path}"${said === "" ? "" : `: ${said}`}`,
  );
}

function denied({ provider }: Kv, { path: secret }: SecretRequest, path: string): DsoError {
  return new DsoError(
    "secret-denied",
    `the token of provider "${provider}" may not read "${secret}"`,
    {
      hint: `Its policy needs: path "${decodeURIComponent(path)}" { capabilities = ["read"] }`,
    },
  );
}
