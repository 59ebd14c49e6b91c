/** Making a vault, changing what opens it, and getting one back. */
import { randomUUID } from "node:crypto";
import { link, unlink } from "node:fs/promises";
import { dirname } from "node:path";
import { ensurePrivateDirectory, readPrivateFile, writeFileAtomic } from "../../lib/files.ts";
import type { Lock } from "../../lib/lock.ts";
import { DsoError, hasCode } from "../../model/errors.ts";
import { deriveKeys, randomKey } from "./envelope.ts";
import type { Header } from "./format.ts";
import { readGeneration } from "./generation.ts";
import { type KeySources, unlockDataKey, wrapDataKey } from "./keys.ts";
import {
  commit,
  type CommitOptions,
  exists,
  keepAs,
  loadFile,
  loadNewest,
  type Newest,
  type LockSettings,
  previousFile,
  type VaultPaths,
  verifyNewest,
  withVaultLock,
} from "./store.ts";

export type SetupOptions = VaultPaths & KeySources & LockSettings;

/** Makes an empty vault, and its key file where there is no passphrase. Never replaces one. */
export function initVault(options: SetupOptions, signal: AbortSignal): Promise<void> {
  const work = async (lock: Lock): Promise<void> => {
    await refuseExisting(options);
    ensurePrivateDirectory(dirname(options.vaultFile));
    const vault = randomUUID();
    const dataKey = randomKey();
    const wraps = [await wrapDataKey(dataKey, vault, options, signal)];
    const keys = deriveKeys(dataKey, vault);
    dataKey.fill(0);
    const header: Header = { format: "dso-vault", formatVersion: 1, vault, wraps };
    try {
      await commit(options, { header, generation: 1, secrets: new Map() }, keys.seal, lock);
    } finally {
      keys.drop();
    }
  };
  return withVaultLock(options, options, "init", work, signal);
}

/** From now on `next` opens the vault, and what did so before no longer does. */
export function rewrapVault(
  options: SetupOptions,
  next: KeySources,
  signal: AbortSignal,
): Promise<void> {
  const rewrap = { load: () => loadNewest(options), next, previous: "forget" } as const;
  return rewrite("change the vault's key", options, rewrap, signal);
}

/**
 * From now on a new key file opens the vault, and what did so before no longer does.
 * The path at which the key file of before is kept, if there was one: older backups
 * want it. Killed at any step, the vault is opened by the key file that lies there.
 */
export async function renewKeyFile(
  options: SetupOptions,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { vaultFile, keyFile, stateDir, lockFile } = options;
  const byFile = { vaultFile, keyFile, stateDir, lockFile };
  const [old, fresh] = [`${keyFile}.old`, `${keyFile}.new`];
  await refuseKept(old);
  const next = { ...byFile, keyFile: fresh };
  const both = { load: () => loadNewest(options), next, besides: true, previous: "keep" } as const;
  await rewrite("change the vault's key", options, both, signal);
  const kept = await linkIfThere(keyFile, old);
  const key = await readPrivateFile(fresh);
  if (key === undefined) throw new DsoError("vault-key", `the new key file ${fresh} is gone`);
  // Not renamed: the key has to be on disk before the vault wants it.
  await writeFileAtomic(keyFile, key);
  key.fill(0);
  await unlink(fresh);
  await rewrapVault(byFile, byFile, signal);
  return kept ? old : undefined;
}

/**
 * Takes the vault that lies there for the newest: the answer to `vault-stale` of a
 * person who put a backup back.
 */
export function acceptVault(options: SetupOptions, signal: AbortSignal): Promise<void> {
  const accept = { load: () => loadUnseen(options.vaultFile), previous: "keep" } as const;
  return rewrite("accept the vault", options, accept, signal);
}

/** Puts the generation before in the vault's place; the one given up is kept as `….broken`. */
export function restorePreviousVault(options: SetupOptions, signal: AbortSignal): Promise<void> {
  const load = async (): Promise<Newest> => {
    const file = previousFile(options.vaultFile);
    if (await exists(file)) return loadUnseen(file);
    throw new DsoError("vault-missing", `there is no previous generation at ${file}`, {
      hint: "Put the vault back from a backup, then run: dso init --accept-vault",
    });
  };
  const restore = { load, previous: "leave", asideAs: `${options.vaultFile}.broken` } as const;
  return rewrite("restore the previous vault", options, restore, signal);
}

interface Rewrite {
  readonly load: () => Promise<Newest>;
  /** What is to open the vault instead of what does. */
  readonly next?: KeySources;
  /** What does is to open it, too. */
  readonly besides?: boolean;
  readonly previous: NonNullable<CommitOptions["previous"]>;
  readonly asideAs?: string;
}

function rewrite(
  operation: string,
  options: SetupOptions,
  { load, next, besides, previous, asideAs }: Rewrite,
  signal: AbortSignal,
): Promise<void> {
  const work = async (lock: Lock): Promise<void> => {
    const newest = await load();
    const { content } = newest;
    const { header, secrets } = content;
    const dataKey = await unlockDataKey(header.wraps, header.vault, options, signal);
    const keys = deriveKeys(dataKey, header.vault);
    try {
      verifyNewest(options.vaultFile, newest, keys.seal);
      const added =
        next === undefined ? [] : [await wrapDataKey(dataKey, header.vault, next, signal)];
      const wraps = next === undefined || besides ? [...header.wraps, ...added] : added;
      const generation = Math.max(content.generation, await seenGeneration(options)) + 1;
      if (asideAs !== undefined) await keepAs(options.vaultFile, asideAs);
      const rewritten = { header: { ...header, wraps }, generation, secrets };
      await commit(options, rewritten, keys.seal, lock, { previous });
    } finally {
      dataKey.fill(0);
      keys.drop();
    }
  };
  return withVaultLock(options, options, operation, work, signal);
}

/** As if no other generation had ever been seen. */
async function loadUnseen(file: string): Promise<Newest> {
  return { content: await loadFile(file), seen: undefined };
}

/** 0 where that is not known: a damaged note must not stand in the way of a repair. */
async function seenGeneration(paths: VaultPaths): Promise<number> {
  try {
    return (await readGeneration(paths.stateDir))?.generation ?? 0;
  } catch (error) {
    if (error instanceof DsoError && error.code === "state-corrupt") return 0;
    throw error;
  }
}

async function refuseKept(old: string): Promise<void> {
  if (!(await exists(old))) return;
  throw new DsoError("usage", `an earlier key file is kept at ${old}`, {
    hint: "Nothing was changed. Older backups of the vault want it: move it to a safe place first.",
  });
}

async function linkIfThere(path: string, second: string): Promise<boolean> {
  try {
    await link(path, second);
    return true;
  } catch (error) {
    if (hasCode(error, "ENOENT")) return false;
    throw error;
  }
}

async function refuseExisting({ vaultFile }: VaultPaths): Promise<void> {
  if (await exists(vaultFile)) {
    throw new DsoError("usage", `there is a vault at ${vaultFile} already`, {
      hint: "Nothing was changed. Use it, or move it away first.",
    });
  }
  if (await exists(previousFile(vaultFile))) {
    throw new DsoError("usage", `${vaultFile} is gone, but its previous generation is there`, {
      hint: `Run: dso init --restore-previous. Or move ${previousFile(vaultFile)} away first.`,
    });
  }
}
