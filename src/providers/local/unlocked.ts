import type { Clock } from "../../model/ports.ts";
import type { EditContext } from "./edits.ts";
import { type DataKeys, deriveKeys } from "./envelope.ts";
import type { Secrets, VaultContent } from "./format.ts";
import { type KeySources, unlockDataKey } from "./keys.ts";
import {
  commit,
  type CommitOptions,
  loadNewest,
  type LockSettings,
  offerPrevious,
  type VaultPaths,
  verifyNewest,
  withVaultLock,
} from "./store.ts";

export interface VaultOptions extends VaultPaths, KeySources, LockSettings {
  readonly clock: Pick<Clock, "now">;
  /** Who is written down as the author of new versions. */
  readonly who: string;
  /** How many versions of a secret are kept; default 50. */
  readonly maxVersions?: number;
}

/** A vault whose keys are in memory. */
export interface UnlockedVault {
  /** The newest content, authentic. */
  load(): Promise<VaultContent>;
  contextOf(content: VaultContent): EditContext;
  /** Makes one generation out of the newest, as the only writer; gives what `edit` gave. */
  mutate<E extends { readonly secrets: Secrets }>(
    operation: string,
    edit: (context: EditContext, secrets: Secrets) => E,
    signal: AbortSignal,
    commitOptions?: CommitOptions,
  ): Promise<E>;
  /** Overwrites the keys. */
  close(): void;
}

export async function unlockVault(
  options: VaultOptions,
  signal: AbortSignal,
): Promise<UnlockedVault> {
  const keys = await offering(options, () => unlockNewest(options, signal));
  const contextOf = (content: VaultContent): EditContext => ({
    file: options.vaultFile,
    vault: content.header.vault,
    valuesKey: keys.values,
    now: new Date(options.clock.now()).toISOString(),
    by: options.who,
    maxVersions: options.maxVersions ?? 50,
  });
  const load = () => offering(options, () => loadAuthentic(options, keys));
  return {
    load,
    contextOf,
    mutate: (operation, edit, changeSignal, commitOptions) =>
      withVaultLock(
        options,
        options,
        operation,
        async (lock) => {
          const content = await load();
          const edited = edit(contextOf(content), content.secrets);
          if (edited.secrets === content.secrets) return edited;
          const { header, generation } = content;
          const next = { header, generation: generation + 1, secrets: edited.secrets };
          await commit(options, next, keys.seal, lock, commitOptions);
          return edited;
        },
        changeSignal,
      ),
    close: () => {
      keys.drop();
    },
  };
}

async function unlockNewest(options: VaultOptions, signal: AbortSignal): Promise<DataKeys> {
  const newest = await loadNewest(options);
  const { vault, wraps } = newest.content.header;
  const dataKey = await unlockDataKey(wraps, vault, options, signal);
  const keys = deriveKeys(dataKey, vault);
  dataKey.fill(0);
  try {
    verifyNewest(options.vaultFile, newest, keys.seal);
    return keys;
  } catch (error) {
    keys.drop();
    throw error;
  }
}

async function loadAuthentic(options: VaultOptions, keys: DataKeys): Promise<VaultContent> {
  const newest = await loadNewest(options);
  verifyNewest(options.vaultFile, newest, keys.seal);
  return newest.content;
}

/** Lets a damaged or old vault's error say how to go back. */
async function offering<T>(options: VaultOptions, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw await offerPrevious(options, error);
  }
}
