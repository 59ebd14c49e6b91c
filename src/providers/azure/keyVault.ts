/** The three calls of Key Vault that are needed, over Microsoft's client. No type of it goes further than here. */
import type { KeyVaultSecret, SecretClient, SecretProperties } from "@azure/keyvault-secrets";
import { abortable } from "../../lib/together.ts";
import { DsoError } from "../../model/errors.ts";
import type { SecretRequest } from "../../model/ports.ts";
import { createCredential, type CredentialOptions } from "./credential.ts";
import { type Asked, faultOf } from "./faults.ts";
import { ATTEMPTS, type Transport } from "./transport.ts";

export interface KeyVaultOptions extends Omit<CredentialOptions, "transport"> {
  readonly vault: URL;
  /** Whoever answers may ask for a token of any service: for tests. */
  readonly emulator: boolean;
  readonly toVault: Transport;
  readonly toLogin: Transport;
}

/** Times in ms since the epoch; the server has whole seconds. */
export interface SecretInfo {
  /** In lower case. */
  readonly name: string;
  /** Undefined in a list of secrets, which tells of each its newest version without saying which that is. */
  readonly version: string | undefined;
  readonly created: number;
  readonly updated: number;
  readonly enabled: boolean;
  readonly notBefore: number | undefined;
  readonly expires: number | undefined;
  /** It is the key of a certificate. */
  readonly managed: boolean;
}

/** Rejects with a DsoError for all that is no answer; a page may be empty and not be the last. */
export interface KeyVault {
  list(signal: AbortSignal): AsyncIterable<readonly SecretInfo[]>;
  /** In no order. */
  versions(
    name: string,
    request: SecretRequest,
    signal: AbortSignal,
  ): Promise<readonly SecretInfo[]>;
  value(
    name: string,
    request: SecretRequest,
    signal: AbortSignal,
  ): Promise<{ readonly info: SecretInfo; readonly text: string }>;
  /** As of the last answer, ms since the epoch. */
  serverTime(): number | undefined;
}

/** One page, with its login and its second tries. */
const LONGEST_MS = 90_000;

export function createKeyVault(options: KeyVaultOptions): KeyVault {
  const { provider, vault, toVault } = options;
  const ask = createAsk(options);
  return {
    serverTime: () => toVault.serverTime(),
    list: (signal) => {
      const asked = { provider, vault, permission: "list" } as const;
      return pages(
        ask,
        asked,
        (client, bounded) => client.listPropertiesOfSecrets(bounded),
        signal,
      );
    },
    async versions(name, request, signal) {
      const asked = { provider, vault, permission: "list", request } as const;
      const list: List = (client, bounded) => client.listPropertiesOfSecretVersions(name, bounded);
      const all: SecretInfo[] = [];
      for await (const page of pages(ask, asked, list, signal)) all.push(...page);
      return all;
    },
    async value(name, request, signal) {
      const asked = { provider, vault, permission: "get", request } as const;
      const version = request.pinned === undefined ? {} : { version: request.pinned };
      const get: Call<KeyVaultSecret> = (client, bounded) =>
        client.getSecret(name, { ...bounded, ...version });
      const { properties, value } = await ask(asked, get, true, signal);
      return { info: infoOf(properties), text: value ?? "" };
    },
  };
}

type Bounded = { readonly abortSignal: AbortSignal };
type Call<T> = (client: SecretClient, bounded: Bounded) => Promise<T>;
type List = (client: SecretClient, bounded: Bounded) => Pages;
type Ask = <T>(asked: Asked, call: Call<T>, again: boolean, signal: AbortSignal) => Promise<T>;

/** One call, with what was made of it; `again`: with another token, where the one of an earlier login is refused. */
function createAsk(options: KeyVaultOptions): Ask {
  let opened: Promise<SecretClient> | undefined;
  const ask: Ask = async (asked, call, again, signal) => {
    const bounded = AbortSignal.any([signal, AbortSignal.timeout(LONGEST_MS)]);
    const before = opened;
    try {
      const client = await (opened ??= open(options));
      // The signal that a client was given reaches no page but the first.
      return await abortable(call(client, { abortSignal: bounded }), bounded);
    } catch (error) {
      signal.throwIfAborted();
      const said = options.toVault.said(error);
      const fault = bounded.aborted ? silent(asked) : faultOf(asked, error, said);
      if (fault.code !== "provider-auth") throw fault;
      // A client keeps its token. Another call may have got a new one meanwhile.
      if (opened === before) opened = undefined;
      if (!again || before === undefined || said?.status !== 401) throw fault;
      return ask(asked, call, false, signal);
    }
  };
  return ask;
}

async function* pages(
  ask: Ask,
  asked: Asked,
  list: List,
  signal: AbortSignal,
): AsyncIterable<readonly SecretInfo[]> {
  const begin: Call<Page> = (client, bounded) =>
    following(list(client, bounded).byPage()[Symbol.asyncIterator]());
  let page = await ask(asked, begin, true, signal);
  while (page !== undefined) {
    yield page.entries.map(infoOf);
    const { next } = page;
    page = await ask(asked, next, false, signal);
  }
}

type Page =
  { readonly entries: readonly SecretProperties[]; readonly next: () => Promise<Page> } | undefined;

async function following(iterator: AsyncIterator<SecretProperties[]>): Promise<Page> {
  const page = await iterator.next();
  if (page.done === true) return undefined;
  return { entries: page.value, next: () => following(iterator) };
}

type Pages = ReturnType<SecretClient["listPropertiesOfSecrets"]>;

async function open(options: KeyVaultOptions): Promise<SecretClient> {
  const { SecretClient: Client } = await import("./sdk.ts");
  const { emulator, toLogin, toVault, vault } = options;
  const credential = createCredential({ ...options, transport: toLogin });
  return new Client(vault.href, credential, {
    httpClient: toVault,
    retryOptions: ATTEMPTS,
    disableChallengeResourceVerification: emulator,
  });
}

function infoOf(properties: SecretProperties): SecretInfo {
  const { createdOn, enabled, expiresOn, managed, name, notBefore, updatedOn, version } =
    properties;
  return {
    name: name.toLowerCase(),
    version: version === undefined || version === "" ? undefined : version,
    created: createdOn?.getTime() ?? 0,
    updated: updatedOn?.getTime() ?? 0,
    enabled: enabled !== false,
    notBefore: notBefore?.getTime(),
    expires: expiresOn?.getTime(),
    managed: managed === true,
  };
}

function silent({ provider, vault }: Asked): DsoError {
  const message = `provider "${provider}": no answer of ${vault.origin} within ${LONGEST_MS / 1000} s`;
  return new DsoError("provider-unreachable", message, { hint: "What runs keeps what it has." });
}
