import type { SecretData, SecretProvider, SecretRequest } from "../../model/ports.ts";
import { answerEach, healthOf } from "../answers.ts";
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
      return answerEach(requests, (request) => String(find(secrets, request).version), signal);
    },
    keys: async (requests, signal) => {
      signal.throwIfAborted();
      const { secrets } = await vault.view();
      return answerEach(requests, (one) => keysOf(find(secrets, one)), signal);
    },
    read: async (requests, signal) => {
      signal.throwIfAborted();
      const view = await vault.view();
      return answerEach<SecretData>(
        requests,
        (request) => view.reveal(find(view.secrets, request)),
        signal,
      );
    },
    check: (signal) =>
      healthOf(async () => {
        signal.throwIfAborted();
        await vault.view();
      }),
    close: async () => {
      vault.close();
    },
  };
}

function keysOf({ values }: VaultRecord): readonly string[] {
  return values.map(({ key }) => key);
}

function find(secrets: Secrets, { path, pinned }: SecretRequest): VaultRecord {
  if (pinned !== undefined) return findVersion(secrets, path, pinned);
  const current = currentOf(secrets, path);
  if (current === undefined) throw missing(secrets, path);
  return current;
}
