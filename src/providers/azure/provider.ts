/** Azure Key Vault as one provider among others. */
import { DsoError } from "../../model/errors.ts";
import {
  type Clock,
  requestKey,
  type SecretData,
  type SecretProvider,
  type SecretRequest,
} from "../../model/ports.ts";
import type { Version } from "../../model/version.ts";
import { answerEach, healthOf, repeatedly } from "../answers.ts";
import type { Http } from "../http.ts";
import { valuesOfText } from "../jsonValues.ts";
import type { AzureLogin } from "./credential.ts";
import { type Asked, goneOrMissing } from "./faults.ts";
import { createKeyVault, type KeyVault } from "./keyVault.ts";
import { isVersion, secretNameOf } from "./names.ts";
import { checkUse } from "./newest.ts";
import { createTransport } from "./transport.ts";
import { createVersionTable, type VersionTable } from "./versions.ts";

export interface AzureProviderOptions {
  /** As dso.yaml names the provider. */
  readonly provider: string;
  readonly vault: URL;
  readonly login: AzureLogin;
  readonly authorityHost: string | undefined;
  readonly authorityOrigin: string;
  readonly emulator: boolean;
  readonly http: Http;
  /** To whoever gives the tokens; the same one may do for both. */
  readonly loginHttp: Http;
  readonly clock: Pick<Clock, "elapsed">;
}

export function createAzureProvider(options: AzureProviderOptions): SecretProvider {
  const { provider, vault, http, loginHttp } = options;
  const keyVault = createKeyVault({
    ...options,
    toVault: createTransport(provider, http),
    toLogin: createTransport(provider, loginHttp),
  });
  const about = { provider, vault, permission: "list" } as const;
  const table = createVersionTable(keyVault, about, options.clock);
  const seen = new Set<string>();
  return {
    name: provider,
    versions: (requests, signal) => versionsOf(provider, table, seen, requests, signal),
    read: async (requests, signal) => {
      signal.throwIfAborted();
      const ask = (request: SecretRequest): Promise<SecretData> => {
        const name = secretNameOf(provider, request.path);
        const once = (): Promise<SecretData> => readOne(keyVault, about, name, request, signal);
        return repeatedly(seen, request, once, signal);
      };
      return answerEach(requests, ask, signal);
    },
    check: (signal) => healthOf(() => firstPage(keyVault, signal)),
    close: () => {
      http.close();
      loginHttp.close();
      return Promise.resolve();
    },
  };
}

async function versionsOf(
  provider: string,
  table: VersionTable,
  seen: Set<string>,
  requests: readonly SecretRequest[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Version | DsoError>> {
  signal.throwIfAborted();
  const names = await answerEach(requests, ({ path }) => secretNameOf(provider, path), signal);
  const nameOf = (request: SecretRequest): string => {
    const name = names.get(requestKey(request));
    if (typeof name === "string") return name;
    throw name ?? new Error(`no name of ${requestKey(request)}`);
  };
  const named = requests.filter((request) => typeof names.get(requestKey(request)) === "string");
  const told = await table.unchanged(
    named.map((request) => [nameOf(request), request] as const),
    signal,
  );
  const rest = requests.filter((request) => !told.has(requestKey(request)));
  const ask = async (request: SecretRequest): Promise<Version> => {
    const name = nameOf(request);
    return repeatedly(seen, request, () => table.ask(name, request, signal), signal);
  };
  return new Map([...told, ...(await answerEach(rest, ask, signal))]);
}

async function readOne(
  vault: KeyVault,
  asked: Asked,
  name: string,
  request: SecretRequest,
  signal: AbortSignal,
): Promise<SecretData> {
  if (request.pinned !== undefined && !isVersion(request.pinned))
    throw goneOrMissing(asked, request);
  const { info, text } = await vault.value(name, request, signal);
  checkUse(asked, request, info, vault.serverTime() ?? Date.now());
  const { version = "" } = info;
  // A value of another version than the one that was planned is not delivered.
  if (request.pinned !== undefined && version !== request.pinned)
    throw goneOrMissing(asked, request);
  return { version, values: valuesOfText(text) };
}

/** Whoever may ask about some secrets only has a vault that answers, too. */
async function firstPage(vault: KeyVault, signal: AbortSignal): Promise<void> {
  try {
    await vault.list(signal)[Symbol.asyncIterator]().next();
  } catch (error) {
    if (!(error instanceof DsoError) || error.code !== "secret-denied") throw error;
  }
}
