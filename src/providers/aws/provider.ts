/** AWS Secrets Manager as one provider among others. */
import { DsoError } from "../../model/errors.ts";
import {
  type Clock,
  requestKey,
  type SecretData,
  type SecretProvider,
  type SecretRequest,
} from "../../model/ports.ts";
import type { Version } from "../../model/version.ts";
import { answerEach, dropUnused, healthOf, repeatedly } from "../answers.ts";
import type { SecretsApi } from "./api.ts";
import { createDenial, type Denial } from "./denial.ts";
import { versionGone } from "./faults.ts";
import { findListed } from "./lists.ts";
import { type SecretEntry, versionOf } from "./metadata.ts";
import { type Queue, watchQueue } from "./queue.ts";
import { readBatches, readOne } from "./values.ts";

export interface AwsProviderOptions {
  readonly provider: string;
  readonly api: SecretsApi;
  /** Where changes are told; absent: nowhere. */
  readonly queue?: Queue;
  readonly clock: Pick<Clock, "elapsed">;
}

export function createAwsProvider(options: AwsProviderOptions): SecretProvider {
  const { provider, api, queue } = options;
  const known: Known = {
    seen: new Set(),
    current: new Map(),
    listing: createDenial(options.clock),
    batches: createDenial(options.clock),
  };
  return {
    name: provider,
    versions: (requests, signal) => versions(options, known, requests, signal),
    read: (requests, signal) => read(options, known, requests, signal),
    ...(queue && { watch: (paths, changed, signal) => watchQueue(queue, paths, changed, signal) }),
    check: (signal) => healthOf(() => ping(api, signal)),
    close() {
      api.close();
      queue?.close();
      return Promise.resolve();
    },
  };
}

/** What is remembered from one call to the next. */
interface Known {
  readonly seen: Set<string>;
  /** As last told: what a batch will bring, most likely. */
  readonly current: Map<string, Version>;
  readonly listing: Denial;
  readonly batches: Denial;
}

async function versions(
  { provider, api }: AwsProviderOptions,
  { current, listing, seen }: Known,
  requests: readonly SecretRequest[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Version | DsoError>> {
  signal.throwIfAborted();
  const paths = new Set(requests.map(({ path }) => path));
  const listed = await findListed(api, listing, paths, signal);
  const ask = (request: SecretRequest): Promise<Version> => {
    const tell = (again: boolean): Promise<Version> =>
      versionFor(provider, api, request, again ? undefined : listed.get(request.path), signal);
    return repeatedly(seen, request, tell, signal);
  };
  const told = await answerEach(requests, ask, signal);
  for (const path of paths) {
    const version = told.get(requestKey({ path }));
    if (typeof version === "string") current.set(path, version);
  }
  return told;
}

async function read(
  { provider, api }: AwsProviderOptions,
  { batches, current, seen }: Known,
  requests: readonly SecretRequest[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, SecretData | DsoError>> {
  signal.throwIfAborted();
  const isCurrent = ({ path, pinned }: SecretRequest): boolean =>
    pinned === undefined || pinned === current.get(path);
  const batch = await readBatches(api, batches, requests.filter(isCurrent), signal);
  const rest = requests.filter((request) => !batch.has(requestKey(request)));
  const ask = (request: SecretRequest): Promise<SecretData> =>
    repeatedly(seen, request, () => readOne(provider, api, request, signal), signal);
  try {
    return new Map([...batch, ...(await answerEach(rest, ask, signal))]);
  } catch (error) {
    dropUnused([...batch.values()], new Set());
    throw error;
  }
}

/** From what a list has shown of it, or else from itself. */
async function versionFor(
  provider: string,
  api: SecretsApi,
  request: SecretRequest,
  known: SecretEntry | undefined,
  signal: AbortSignal,
): Promise<Version> {
  const { path, pinned } = request;
  const entry = known ?? (await api.describe(path, signal));
  const version = versionOf(provider, entry, request);
  if (version !== undefined) return version;
  // A version that carries no stage any more is in no metadata of its secret.
  if (pinned !== undefined && (await api.hasVersion(path, pinned, signal))) return pinned;
  throw versionGone(`secret "${provider}:${path}"`, pinned ?? "");
}

/** Whoever may not list has been answered, too. */
async function ping(api: SecretsApi, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  try {
    await api.ping(signal);
  } catch (error) {
    if (!(error instanceof DsoError && error.code === "secret-denied")) throw error;
  }
}
