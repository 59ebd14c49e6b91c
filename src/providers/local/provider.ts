import { DsoError } from "../../model/errors.ts";
import {
  requestKey,
  type SecretData,
  type SecretProvider,
  type SecretRequest,
} from "../../model/ports.ts";
import { findVersion } from "./edits.ts";
import type { Secrets, VaultRecord } from "./format.ts";
import { currentOf, missing } from "./names.ts";
import type { LocalVault } from "./vault.ts";

/** The local vault as one provider among others. It closes the vault. */
export function createLocalProvider(vault: LocalVault, name = "local"): SecretProvider {
  return {
    name,
    versions: async (requests, signal) => {
      signal.throwIfAborted();
      const { secrets } = await vault.view();
      return answer(requests, (request) => String(find(secrets, request).version));
    },
    keys: async (requests, signal) => {
      signal.throwIfAborted();
      const { secrets } = await vault.view();
      return answer(requests, (request) => find(secrets, request).values.map(({ key }) => key));
    },
    read: async (requests, signal) => {
      signal.throwIfAborted();
      const view = await vault.view();
      return answer<SecretData>(requests, (request) => view.reveal(find(view.secrets, request)));
    },
    check: async (signal) => {
      signal.throwIfAborted();
      try {
        await vault.view();
        return { ok: true };
      } catch (error) {
        if (error instanceof DsoError) return { ok: false, error };
        throw error;
      }
    },
    close: async () => {
      vault.close();
    },
  };
}

function find(secrets: Secrets, { path, pinned }: SecretRequest): VaultRecord {
  if (pinned !== undefined) return findVersion(secrets, path, pinned);
  const current = currentOf(secrets, path);
  if (current === undefined) throw missing(secrets, path);
  return current;
}

/** One answer for each request; a fault of one is its own answer. */
function answer<T>(
  requests: readonly SecretRequest[],
  ask: (request: SecretRequest) => T,
): ReadonlyMap<string, T | DsoError> {
  const answers = new Map<string, T | DsoError>();
  for (const request of requests) {
    try {
      answers.set(requestKey(request), ask(request));
    } catch (error) {
      if (!(error instanceof DsoError)) throw error;
      answers.set(requestKey(request), error);
    }
  }
  return answers;
}
