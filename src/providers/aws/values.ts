/** Values: twenty in one request where the current ones are wanted, else each at its version. */
import { DsoError } from "../../model/errors.ts";
import { requestKey, type SecretData, type SecretRequest } from "../../model/ports.ts";
import { dropUnused, isAboutStore } from "../answers.ts";
import { type FoundValue, isVersionId, MOST_VALUES, type SecretsApi } from "./api.ts";
import type { Denial } from "./denial.ts";
import { versionGone } from "./faults.ts";
import { namesOf } from "./metadata.ts";

/**
 * Those that came, and at the version that is wanted: the others are asked for alone. Rejects with what is wrong
 * with the store, and then nothing is kept.
 */
export async function readBatches(
  api: Pick<SecretsApi, "getSome">,
  denial: Denial,
  requests: readonly SecretRequest[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, SecretData>> {
  const read = new Map<string, SecretData>();
  // Two that want the same secret would share one value, which each of them drops.
  const byPath = new Map(requests.map((request) => [request.path, request]));
  const paths = [...byPath.keys()];
  try {
    for (let at = 0; at < paths.length && !denial.holds(); at += MOST_VALUES) {
      const batch = paths.slice(at, at + MOST_VALUES);
      if (batch.length > 1) keep(read, byPath, await api.getSome(batch, signal));
    }
  } catch (error) {
    if (error instanceof DsoError && !isAboutStore(error)) {
      if (error.code === "secret-denied") denial.note();
      return read;
    }
    dropUnused([...read.values()], new Set());
    throw error;
  }
  return read;
}

function keep(
  read: Map<string, SecretData>,
  byPath: ReadonlyMap<string, SecretRequest>,
  found: readonly FoundValue[],
): void {
  for (const one of found) {
    const request = namesOf(one)
      .map((name) => byPath.get(name))
      .find((wanted) => wanted !== undefined && !read.has(requestKey(wanted)));
    const isMeant = request?.pinned === undefined || request.pinned === one.version;
    if (request !== undefined && isMeant) read.set(requestKey(request), dataOf(one));
    else dropUnused([one], new Set());
  }
}

/** A value of another version than the one that was planned is not delivered; `pinned` may be the name of a stage. */
export async function readOne(
  provider: string,
  api: Pick<SecretsApi, "get">,
  { path, pinned }: SecretRequest,
  signal: AbortSignal,
): Promise<SecretData> {
  const found = await api.get(path, pinned, signal);
  if (pinned === undefined || !isVersionId(pinned) || pinned === found.version)
    return dataOf(found);
  dropUnused([found], new Set());
  throw versionGone(`secret "${provider}:${path}"`, pinned);
}

function dataOf({ version, values }: FoundValue): SecretData {
  return { version, values };
}
