/** The versions of all secrets of a folder in one request, which OpenBao answers and HashiCorp's Vault does not. */
import { DsoError } from "../../model/errors.ts";
import { requestKey, type SecretRequest } from "../../model/ports.ts";
import type { Version } from "../../model/version.ts";
import { field, urlPath } from "./api.ts";
import { type Kv, versionOf } from "./kv.ts";

/** From so many secrets on, the list of their folder is asked for. */
const WORTH_A_LIST = 3;

/** By folder, those of them that have enough secrets. */
export function foldersOf(
  { mount }: Kv,
  requests: readonly SecretRequest[],
): ReadonlyMap<string, readonly SecretRequest[]> {
  if (mount.version === 1) return new Map();
  const all = Map.groupBy(requests, ({ path }) => path.slice(0, path.lastIndexOf("/") + 1));
  return new Map([...all].filter(([, group]) => group.length >= WORTH_A_LIST));
}

/** Those that it tells of; the others are asked for alone. Undefined where the server, or our policy, has no such list. */
export async function listFolder(
  kv: Kv,
  folder: string,
  requests: readonly SecretRequest[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Version> | undefined> {
  const path = [kv.mount.path, "detailed-metadata", urlPath(folder)].filter(Boolean).join("/");
  const call = { method: "GET", path: `${path}/?list=true` } as const;
  const { at, body, status } = await kv.session.tryCall(call, signal);
  if (status !== 200) return undefined;
  const known = field(field(body, "data"), "key_info");
  const versions = new Map<string, Version>();
  for (const request of requests) {
    const metadata = field(known, request.path.slice(folder.length));
    if (metadata === undefined) continue;
    try {
      versions.set(requestKey(request), versionOf(kv, request, metadata, at));
    } catch (error) {
      if (!(error instanceof DsoError)) throw error;
    }
  }
  return versions;
}
