import { DsoError } from "../../src/model/errors.ts";
import {
  requestKey,
  UNSUPPORTED,
  type SecretData,
  type SecretProvider,
  type SecretRequest,
} from "../../src/model/ports.ts";
import { Secret } from "../../src/model/secret.ts";
import type { Providers } from "../../src/providers/registry.ts";

/** Path to its versions, oldest first; a version is a map of keys. */
export type FakeSecrets = Readonly<
  Record<string, readonly Readonly<Record<string, string | Uint8Array>>[]>
>;

export interface FakeProvider extends SecretProvider {
  /** What was asked, as `versions a b` or `read a@1`, in order. */
  readonly calls: readonly string[];
  /** Every value that was handed out. */
  readonly handedOut: readonly Secret[];
}

export interface FakeOptions {
  /** It knows no versions. */
  readonly unversioned?: boolean;
  /** It tells the names of keys without values. */
  readonly tellsKeys?: boolean;
  /** Every call rejects with it. */
  readonly down?: DsoError;
}

interface Found {
  readonly version: string;
  readonly keys: Readonly<Record<string, string | Uint8Array>>;
}

/** A store in memory that answers as the port asks for. */
export function createFakeProvider(
  name: string,
  secrets: FakeSecrets,
  options: FakeOptions = {},
): FakeProvider {
  const calls: string[] = [];
  const handedOut: Secret[] = [];

  function begin(call: string, requests: readonly SecretRequest[], signal: AbortSignal): void {
    signal.throwIfAborted();
    calls.push([call, ...requests.map(requestKey)].join(" "));
    if (options.down !== undefined) throw options.down;
  }

  function find(request: SecretRequest): Found | DsoError {
    const versions = secrets[request.path];
    if (versions === undefined) {
      return new DsoError("secret-missing", `${name} has no secret "${request.path}"`);
    }
    const version = request.pinned ?? String(versions.length);
    const keys = versions[Number(version) - 1];
    return keys === undefined
      ? new DsoError("secret-version-gone", `${requestKey(request)} is gone`)
      : { version, keys };
  }

  function answers<T>(
    requests: readonly SecretRequest[],
    tell: (found: Found) => T,
  ): Map<string, T | DsoError> {
    const told = new Map<string, T | DsoError>();
    for (const request of requests) {
      const found = find(request);
      told.set(requestKey(request), found instanceof DsoError ? found : tell(found));
    }
    return told;
  }

  function hand(found: Found): SecretData {
    const values = Object.entries(found.keys).map(([key, value]) => {
      const secret = new Secret(Buffer.from(value));
      handedOut.push(secret);
      return [key, secret] as const;
    });
    return { version: found.version, values: new Map(values) };
  }

  return {
    name,
    calls,
    handedOut,
    async versions(requests, signal) {
      begin("versions", requests, signal);
      return answers(requests, (found) => (options.unversioned ? UNSUPPORTED : found.version));
    },
    ...(options.tellsKeys === true
      ? {
          keys: async (requests: readonly SecretRequest[], signal: AbortSignal) => {
            begin("keys", requests, signal);
            return Promise.resolve(answers(requests, ({ keys }) => Object.keys(keys)));
          },
        }
      : {}),
    async read(requests, signal) {
      begin("read", requests, signal);
      return answers(requests, hand);
    },
    check: async () => ({ ok: true }),
    close: () => Promise.resolve(),
  };
}

/** Those providers, as a registry gives them. */
export function registryOf(...providers: readonly SecretProvider[]): Pick<Providers, "get"> {
  return {
    get: async (name) => {
      const found = providers.find((provider) => provider.name === name);
      if (found === undefined) throw new DsoError("provider-unknown", `no provider ${name}`);
      return found;
    },
  };
}
