/** Vault or OpenBao as one provider among others. */
import type { DsoError } from "../../model/errors.ts";
import {
  type Clock,
  requestKey,
  type SecretData,
  type SecretProvider,
  type SecretRequest,
  type UNSUPPORTED,
} from "../../model/ports.ts";
import type { Version } from "../../model/version.ts";
import { answerEach, healthOf, repeatedly } from "../answers.ts";
import type { Http } from "../http.ts";
import { createApi, type VaultAddress } from "./api.ts";
import { foldersOf, listFolder } from "./folder.ts";
import { type Kv, readIn, versionIn } from "./kv.ts";
import type { Login } from "./login.ts";
import { findMount, type Mount } from "./mount.ts";
import { createSession } from "./session.ts";

export interface VaultProviderOptions extends VaultAddress {
  readonly http: Http;
  readonly login: Login;
  /** As dso.yaml has it. */
  readonly mount: string;
  readonly clock: Pick<Clock, "elapsed">;
}

export function createVaultProvider(options: VaultProviderOptions): SecretProvider {
  const { provider, login, clock, http, mount: written } = options;
  const session = createSession({ api: createApi(http, options), provider, login, clock });
  const look = (signal: AbortSignal): Promise<Mount> =>
    findMount(provider, written, session, signal);
  let known: Mount | undefined;
  const open = async (signal: AbortSignal): Promise<Kv> => {
    signal.throwIfAborted();
    const mount = known ?? (await look(signal));
    // A guess is made again, until somebody grants the answer.
    if (!mount.guessed) known = mount;
    return { provider, session, mount };
  };
  const seen = new Set<string>();
  return {
    name: provider,
    versions: async (requests, signal) => versionsOf(await open(signal), requests, seen, signal),
    read: async (requests, signal) => {
      const kv = await open(signal);
      const ask = (request: SecretRequest): Promise<SecretData> =>
        repeatedly(seen, request, () => readIn(kv, request, signal), signal);
      return answerEach(requests, ask, signal);
    },
    check: (signal) => healthOf(() => look(signal)),
    close: async () => {
      await session.close();
      http.close();
    },
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
  const ask = (request: SecretRequest): Promise<Version | typeof UNSUPPORTED> =>
    repeatedly(seen, request, () => versionIn(kv, request, signal), signal);
  const asked = await answerEach(rest, ask, signal);
  for (const { path, pinned } of requests) {
    if (listed.has(requestKey({ path, ...(pinned && { pinned }) }))) seen.add(path);
  }
  return new Map<string, Told>([...listed, ...asked]);
}
