/** Vault or OpenBao as one provider among others. */
import { setTimeout as sleep } from "node:timers/promises";
import { askOnce } from "../../lib/together.ts";
import { DsoError } from "../../model/errors.ts";
import {
  type Clock,
  requestKey,
  type SecretProvider,
  type SecretRequest,
  type UNSUPPORTED,
} from "../../model/ports.ts";
import type { Version } from "../../model/version.ts";
import { answerEach } from "../answers.ts";
import type { Http } from "../http.ts";
import { createApi, type VaultAddress } from "./api.ts";
import { foldersOf, listFolder } from "./folder.ts";
import { type Kv, readIn, versionIn } from "./kv.ts";
import type { Login } from "./login.ts";
import { findMount } from "./mount.ts";
import { createSession } from "./session.ts";

export interface VaultProviderOptions extends VaultAddress {
  readonly http: Http;
  readonly login: Login;
  /** As dso.yaml has it. */
  readonly mount: string;
  readonly clock: Pick<Clock, "elapsed">;
}

/** A replica may not have yet what its leader has. */
const REPLICA_LAG_MS = 500;

export function createVaultProvider(options: VaultProviderOptions): SecretProvider {
  const { provider, login, clock, mount: written } = options;
  const session = createSession({ api: createApi(options.http, options), provider, login, clock });
  const open = askOnce(async (unending): Promise<Kv> => ({
    ...{ provider, session },
    mount: await findMount(provider, written, session, unending),
  }));
  const seen = new Set<string>();
  return {
    name: provider,
    versions: async (requests, signal) => versionsOf(await open(signal), requests, seen, signal),
    read: async (requests, signal) => {
      const kv = await open(signal);
      return answerEach(requests, (request) =>
        repeatedly(seen, request, () => readIn(kv, request, signal), signal),
      );
    },
    check: async (signal) => {
      try {
        await open(signal);
        return { ok: true };
      } catch (error) {
        if (error instanceof DsoError) return { ok: false, error };
        throw error;
      }
    },
    close: () => session.close(),
  };
}

type Told = Version | typeof UNSUPPORTED | DsoError;

/** Whole folders at once where the server can do that. */
async function versionsOf(
  kv: Kv,
  requests: readonly SecretRequest[],
  seen: Set<string>,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Told>> {
  const listed = new Map<string, Told>();
  for (const [folder, group] of foldersOf(kv, requests)) {
    const versions = await listFolder(kv, folder, group, signal);
    if (versions === undefined) break;
    for (const [key, version] of versions) listed.set(key, version);
  }
  const rest = requests.filter((request) => !listed.has(requestKey(request)));
  const asked = await answerEach<Version | typeof UNSUPPORTED>(rest, (request) =>
    repeatedly(seen, request, () => versionIn(kv, request, signal), signal),
  );
  for (const [key] of listed) seen.add(key);
  return new Map<string, Told>([...listed, ...asked]);
}

/** What was there before is missing only where that is said again. */
async function repeatedly<T>(
  seen: Set<string>,
  request: SecretRequest,
  ask: () => Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  const key = requestKey(request);
  const answer = await ask().catch(async (error: unknown) => {
    const isMissing = error instanceof DsoError && error.code === "secret-missing";
    if (!isMissing || !seen.has(key)) throw error;
    await sleep(REPLICA_LAG_MS, undefined, { signal }).catch(() => signal.throwIfAborted());
    return ask();
  });
  seen.add(key);
  return answer;
}
