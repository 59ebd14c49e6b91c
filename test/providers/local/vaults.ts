import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { DsoError } from "../../../src/model/errors.ts";
import { Secret } from "../../../src/model/secret.ts";
import { deriveKeys } from "../../../src/providers/local/envelope.ts";
import { unlockDataKey } from "../../../src/providers/local/keys.ts";
import { initVault } from "../../../src/providers/local/setup.ts";
import { loadFile } from "../../../src/providers/local/store.ts";
import type { VaultOptions } from "../../../src/providers/local/unlocked.ts";
import { type LocalVault, openLocalVault } from "../../../src/providers/local/vault.ts";

export const never = new AbortController().signal;

/** Small enough for tests; a real passphrase costs 64 MiB. */
const CHEAP = { memory: 64, passes: 1, parallelism: 1 };

export function vaultOptions(directory: string): VaultOptions {
  let now = Date.UTC(2030, 0, 1);
  return {
    vaultFile: join(directory, "home", "vault.enc"),
    keyFile: join(directory, "config", "vault.key"),
    stateDir: join(directory, "state"),
    lockFile: join(directory, "locks", "vault.lock"),
    passphraseCost: CHEAP,
    clock: { now: () => (now += 1000) },
    who: "alice",
  };
}

/** A new vault below the directory, opened. */
export async function newVault(
  directory: string,
  change: Partial<VaultOptions> = {},
): Promise<{ readonly vault: LocalVault; readonly options: VaultOptions }> {
  await mkdir(directory, { recursive: true });
  const options = { ...vaultOptions(directory), ...change };
  await initVault(options, never);
  return { vault: await openLocalVault(options, never), options };
}

export function secret(text: string): Secret {
  return new Secret(Buffer.from(text));
}

export async function textOf(vault: LocalVault, path: string, key?: string): Promise<string> {
  using value = await vault.get(key === undefined ? { path } : { path, key }, undefined);
  return value.reveal().toString();
}

export interface Sample {
  readonly vault: LocalVault;
  readonly options: VaultOptions;
  /** Lines: header, a v1, a v2, b v1, manifest, seal. */
  readonly good: Buffer;
}

export async function makeSample(directory: string): Promise<Sample> {
  const { vault, options } = await newVault(directory);
  await vault.set({ path: "a", key: "k" }, secret("first"), {}, never);
  await vault.set({ path: "a", key: "k" }, secret("second"), {}, never);
  await vault.set({ path: "b" }, secret("third"), {}, never);
  return { vault, options, good: await readFile(options.vaultFile) };
}

export async function failure(work: () => Promise<unknown>): Promise<DsoError> {
  try {
    await work();
  } catch (error) {
    if (error instanceof DsoError) return error;
    throw error;
  }
  throw new Error("nothing was refused");
}

export function refusal(work: () => unknown): DsoError {
  try {
    work();
  } catch (error) {
    if (error instanceof DsoError) return error;
    throw error;
  }
  throw new Error("nothing was refused");
}

export async function sealKeyOf(options: VaultOptions): Promise<Buffer> {
  const { vault, wraps } = (await loadFile(options.vaultFile)).header;
  return deriveKeys(await unlockDataKey(wraps, vault, options, never), vault).seal;
}
