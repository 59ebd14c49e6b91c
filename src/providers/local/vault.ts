import type { SecretData } from "../../model/ports.ts";
import { Secret } from "../../model/secret.ts";
import { DEFAULT_KEY, selectKey } from "../selectKey.ts";
import {
  destroyAll,
  type Edit,
  type EditContext,
  expectVersion,
  findVersion,
  markDeleted,
  openRecord,
  rollbackTo,
  setValues,
} from "./edits.ts";
import type { Secrets, VaultRecord } from "./format.ts";
import { checkValue, importAll, type Imported, planImport } from "./input.ts";
import { checkKey, checkPath, currentOf, missing, type SecretName } from "./names.ts";
import type { CommitOptions } from "./store.ts";
import { type UnlockedVault, unlockVault, type VaultOptions } from "./unlocked.ts";

export type { VaultOptions };

export interface ChangeOptions {
  /** Rejects with `secret-conflict` unless this is the current version; 0: there must be none. */
  readonly expected?: number;
}

/** What one read of the file gives. No value of it is decrypted until `reveal`. */
export interface VaultView {
  /** Deleted ones too; `currentOf` tells. */
  readonly secrets: Secrets;
  /** The caller drops the values. */
  reveal(record: VaultRecord): SecretData;
}

/**
 * Every change makes one generation of the file, as its only writer, and gives the
 * number of the version that it made. Paths and keys are checked: `usage`. What is
 * not there is `secret-missing` or `secret-version-gone`.
 */
export interface LocalVault {
  view(): Promise<VaultView>;
  /** One value; the caller drops it. */
  get(name: SecretName, version: number | undefined): Promise<Secret>;
  /** Other keys of the secret keep their values. The caller drops the value. */
  set(
    name: SecretName,
    value: Secret,
    options: ChangeOptions,
    signal: AbortSignal,
  ): Promise<number>;
  /** All entries or, with an error that lists every fault, none. Stored as `prefix/name`. */
  importEntries(
    entries: readonly (readonly [name: string, value: Buffer])[],
    prefix: string,
    signal: AbortSignal,
  ): Promise<readonly Imported[]>;
  /** All versions that are kept, in rising order. */
  history(path: string): Promise<readonly VaultRecord[]>;
  /** The new version copies `version`. */
  rollback(
    path: string,
    version: number,
    options: ChangeOptions,
    signal: AbortSignal,
  ): Promise<number>;
  /** Can be brought back by `rollback`. */
  remove(path: string, options: ChangeOptions, signal: AbortSignal): Promise<number>;
  /** Erases all values of all versions, for good. */
  destroy(path: string, options: ChangeOptions, signal: AbortSignal): Promise<number>;
  /** Overwrites the keys in memory. */
  close(): void;
}

/**
 * Rejects with `vault-missing`, `vault-key` (it does not open), `vault-corrupt`
 * (a damaged part, named) or `vault-stale` (an old copy).
 */
export async function openLocalVault(
  options: VaultOptions,
  signal: AbortSignal,
): Promise<LocalVault> {
  const vault = await unlockVault(options, signal);
  return { ...readingOf(vault), ...writingOf(vault), close: () => vault.close() };
}

function readingOf(vault: UnlockedVault): Pick<LocalVault, "view" | "get" | "history"> {
  const view = async (): Promise<VaultView> => {
    const content = await vault.load();
    const context = vault.contextOf(content);
    return {
      secrets: content.secrets,
      reveal: (record) => {
        const plain = openRecord(context, record);
        const values = new Map([...plain].map(([key, value]) => [key, new Secret(value)]));
        return { version: String(record.version), values };
      },
    };
  };
  return {
    view,
    get: async ({ path, key }, version) => {
      const found = await view();
      const { secrets } = found;
      const record =
        version === undefined
          ? currentOf(secrets, path)
          : findVersion(secrets, path, String(version));
      if (record === undefined) throw missing(secrets, path);
      const wanted = selectKey(
        path,
        record.values.map((value) => value.key),
        key,
      );
      return take(found.reveal(record), wanted);
    },
    history: async (path) => {
      const { secrets } = await view();
      const records = secrets.get(path);
      if (records === undefined) throw missing(secrets, path);
      return records;
    },
  };
}

function writingOf(
  vault: UnlockedVault,
): Pick<LocalVault, "set" | "importEntries" | "rollback" | "remove" | "destroy"> {
  const change = changing(vault);
  return {
    set: async ({ path, key = DEFAULT_KEY }, value, options, signal) => {
      checkKey(key);
      checkValue(path, value.reveal());
      const values = new Map([[key, value.reveal()]]);
      const edit = (context: EditContext, secrets: Secrets): Edit =>
        setValues(context, secrets, path, values);
      return change("set", path, options, edit, signal);
    },
    importEntries: async (entries, prefix, signal) => {
      const plans = planImport(entries, prefix);
      const edit = (context: EditContext, secrets: Secrets) => importAll(context, secrets, plans);
      return (await vault.mutate("secret import", edit, signal)).imported;
    },
    rollback: (path, version, options, signal) => {
      const edit = (context: EditContext, secrets: Secrets): Edit =>
        rollbackTo(context, secrets, path, version);
      return change("rollback", path, options, edit, signal);
    },
    remove: (path, options, signal) => {
      const edit = (context: EditContext, secrets: Secrets): Edit =>
        markDeleted(context, secrets, path);
      return change("rm", path, options, edit, signal);
    },
    destroy: (path, options, signal) => {
      const edit = (_context: EditContext, secrets: Secrets): Edit => destroyAll(secrets, path);
      return change("rm", path, options, edit, signal, "forget");
    },
  };
}

/** One edit of one secret, with the checks that all of them have. */
function changing(vault: UnlockedVault) {
  return async (
    operation: string,
    path: string,
    { expected }: ChangeOptions,
    edit: (context: EditContext, secrets: Secrets) => Edit,
    signal: AbortSignal,
    previous: CommitOptions["previous"] = "keep",
  ): Promise<number> => {
    checkPath(path);
    const checked = (context: EditContext, secrets: Secrets): Edit => {
      expectVersion(secrets, path, expected);
      return edit(context, secrets);
    };
    const edited = await vault.mutate(`secret ${operation}`, checked, signal, { previous });
    return edited.version;
  };
}

/** One value of several; the others are dropped. */
function take(data: SecretData, key: string): Secret {
  for (const [other, value] of data.values) if (other !== key) value.drop();
  const value = data.values.get(key);
  if (value === undefined) throw new Error(`key ${key} was chosen but is not there`);
  return value;
}
