/** The three calls of Key Vault that are needed, over Microsoft's client. No type of it goes further than here. */
import type { KeyVaultSecret, SecretClient, SecretProperties } from "@azure/keyvault-secrets";
import { abortable } from "../../lib/together.ts";
import { DsoError } from "../../model/errors.ts";
import type { SecretRequest } from "../../model/ports.ts";
import { ATTEMPTS } from "./attempts.ts";
import { createCredential, type CredentialOptions } from "./credential.ts";
import { type Asked, faultOf } from "./faults.ts";
import type { Transport } from "./transport.ts";

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
      const { properties, value } = await ask(asked, get, signal);
      return { info: infoOf(properties), text: value ?? "" };
    },
  };
}

type Bounded = { readonly abortSignal: AbortSignal };
type Call<T> = (client: SecretClient, bounded: Bounded) => Promise<T>;
type List = (client: SecretClient, bounded: Bounded) => Pages;
type Ask = <T>(asked: Asked, call: Call<T>, signal: AbortSignal) => Promise<T>;

/** One call, with what was made of it. */
function createAsk(options: KeyVaultOptions): Ask {
  let opened: Promise<SecretClient> | undefined;
  return async (asked, call, signal) => {
    const bounded = AbortSignal.any([signal, AbortSignal.timeout(LONGEST_MS)]);
    try {
      const client = await (opened ??= open(options));
      // The signal that a client was given reaches no page but the first.
      return await abortable(call(client, { abortSignal: bounded }), bounded);
    } catch (error) {
      signal.throwIfAborted();
      const said = options.toVault.said(error);
      const fault = bounded.aborted ? silent(asked) : faultOf(asked, error, said);
      // The client keeps its token: one that is refused is not offered again.
      if (fault.code === "provider-auth") opened = undefined;
      throw fault;
    }
  };
}

async function* pages(
  ask: Ask,
  asked: Asked,
  list: List,
  signal: AbortSignal,
): AsyncIterable<readonly SecretInfo[]> {
  let iterator: AsyncIterator<SecretProperties[]> | undefined;
  const nextPage: Call<IteratorResult<SecretProperties[]>> = (client, bounded) => {
    iterator ??= list(client, bounded).byPage()[Symbol.asyncIterator]();
    return iterator.next();
  };
  for (;;) {
    const next = await ask(asked, nextPage, signal);
    if (next.done === true) return;
    yield next.value.map(infoOf);
  }
}

type Pages = ReturnType<SecretClient["listPropertiesOfSecrets"]>;

async function open(options: KeyVaultOptions): Promise<SecretClient> {
  const sdk = await import("./sdk.ts");
  const { emulator, toLogin, toVault, vault } = options;
  return new sdk.SecretClient(
    vault.href,
    createCredential(sdk, { ...options, transport: toLogin }),
    {
      httpClient: toVault,
      retryOptions: ATTEMPTS,
      disableChallengeResourceVerification: emulator,
    },
  );
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
