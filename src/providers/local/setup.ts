/** Making a vault, changing what opens it, and getting one back. */
import { randomUUID } from "node:crypto";
import { dirname } from "node:path";
import { ensurePrivateDirectory } from "../../lib/files.ts";
import type { Lock } from "../../lib/lock.ts";
import { DsoError } from "../../model/errors.ts";
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
    await ensurePrivateDirectory(dirname(options.vaultFile));
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
  readonly previous: NonNullable<CommitOptions["previous"]>;
  readonly asideAs?: string;
}

function rewrite(
  operation: string,
  options: SetupOptions,
  { load, next, previous, asideAs }: Rewrite,
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
      const wraps =
        next === undefined
          ? header.wraps
          : [await wrapDataKey(dataKey, header.vault, next, signal)];
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
