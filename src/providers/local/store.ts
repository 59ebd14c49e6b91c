import { link, lstat, unlink } from "node:fs/promises";
import { readPrivateFile, writeFileAtomic } from "../../lib/files.ts";
import { acquireLock, type Lock } from "../../lib/lock.ts";
import type { LockOwner } from "../../lib/lockRecord.ts";
import { DsoError, hasCode } from "../../model/errors.ts";
import {
  decodeVault,
  encodeVault,
  type Unverified,
  type VaultContent,
  verifySeal,
} from "./format.ts";
import {
  type Generation,
  readGeneration,
  refuseFork,
  refuseOlder,
  writeGeneration,
} from "./generation.ts";

/** Where a vault and what belongs to it lie. All absolute. */
export interface VaultPaths {
  readonly vaultFile: string;
  readonly stateDir: string;
  readonly lockFile: string;
}

export interface LockSettings {
  /** How long to wait for another writer; default 30 s. */
  readonly lockTimeoutMs?: number;
  readonly onTakeover?: (previous: LockOwner) => void;
}

/** The generation before the newest one. */
export function previousFile(vaultFile: string): string {
  return `${vaultFile}.1`;
}

/** The vault as it lies there, and what was seen of it before. */
export interface Newest {
  readonly content: Unverified;
  readonly seen: Generation | undefined;
}

/**
 * Reads without a lock: a writer replaces the file as a whole. `verifyNewest` is
 * still to be asked. Rejects with `vault-missing`, `vault-corrupt` or `vault-stale`.
 */
export async function loadNewest(paths: VaultPaths): Promise<Newest> {
  // First what was seen, then the file: the other way round a writer in between would look like an old copy.
  const seen = await readGeneration(paths.stateDir);
  const content = await loadFile(paths.vaultFile);
  const { header, generation } = content;
  refuseOlder(paths.vaultFile, { vault: header.vault, generation }, seen);
  return { content, seen };
}

/** Rejects with `vault-corrupt` for what is not authentic, with `vault-stale` for a second history. */
export function verifyNewest(file: string, { content, seen }: Newest, sealKey: Buffer): void {
  verifySeal(file, content, sealKey);
  const { header, generation, seal } = content;
  refuseFork(file, { vault: header.vault, generation, seal }, seen);
}

/** Rejects with `vault-missing` or `vault-corrupt`. */
export async function loadFile(path: string): Promise<Unverified> {
  const bytes = await readPrivateFile(path);
  if (bytes === undefined) {
    throw new DsoError("vault-missing", `there is no vault at ${path}`, { hint: "Run: dso init" });
  }
  return decodeVault(path, bytes);
}

/** The same error with a hint how to go back: to the previous generation where there is one. */
export async function offerPrevious(paths: VaultPaths, error: unknown): Promise<unknown> {
  if (!(error instanceof DsoError) || !error.code.startsWith("vault-")) return error;
  if (error.code === "vault-key") return error;
  const previous = await loadFile(previousFile(paths.vaultFile)).catch((cause: unknown) => {
    if (cause instanceof DsoError) return undefined;
    throw cause;
  });
  const offer =
    previous === undefined
      ? [error.hint ?? "Put it back from a backup, then run: dso init --accept-vault"]
      : [
          `Go back to generation ${previous.generation}: dso init --restore-previous`,
          ...(error.code === "vault-stale" && error.hint !== undefined ? [error.hint] : []),
        ];
  return new DsoError(error.code, error.message, { hint: offer.join(". "), cause: error });
}

/** Runs `work` as the only writer. */
export async function withVaultLock<T>(
  paths: VaultPaths,
  settings: LockSettings,
  operation: string,
  work: (lock: Lock) => Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  const { lockTimeoutMs = 30_000, onTakeover } = settings;
  const options = { operation, timeoutMs: lockTimeoutMs };
  const lock = await acquireLock(
    paths.lockFile,
    onTakeover === undefined ? options : { ...options, onTakeover },
    signal,
  );
  try {
    return await work(lock);
  } finally {
    await lock.release();
  }
}

export interface CommitOptions {
  /**
   * What becomes of the generation before the newest. `keep` (the default): what is
   * replaced now. `forget`: no older content stays, for erased values and for keys
   * that are to open nothing any more. `leave`: it stays as it is.
   */
  readonly previous?: "keep" | "forget" | "leave";
}

/**
 * Writes a generation and remembers that it was. The order matters: killed between
 * the two, the file is newer than remembered, which is no fault.
 */
export async function commit(
  paths: VaultPaths,
  content: VaultContent,
  sealKey: Buffer,
  lock: Lock,
  { previous = "keep" }: CommitOptions = {},
): Promise<void> {
  const { bytes, seal } = encodeVault(content, sealKey);
  const second = previousFile(paths.vaultFile);
  if (previous === "keep") await keepAs(paths.vaultFile, second);
  if (previous === "forget") await unlink(second).catch(ignoreMissing);
  await writeFileAtomic(paths.vaultFile, bytes, { beforeReplace: () => lock.assertHeld() });
  if (previous === "forget") await writeFileAtomic(second, bytes);
  const { header, generation } = content;
  await writeGeneration(paths.stateDir, { vault: header.vault, generation, seal });
}

/** Gives the file a second name, so that replacing it under the first keeps it. */
export async function keepAs(path: string, second: string): Promise<void> {
  await unlink(second).catch(ignoreMissing);
  await link(path, second).catch(ignoreMissing);
}

export async function exists(path: string): Promise<boolean> {
  return (await lstat(path).catch(ignoreMissing)) !== undefined;
}

function ignoreMissing(error: unknown): undefined {
  if (!hasCode(error, "ENOENT")) throw error;
}
