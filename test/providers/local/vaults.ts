import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { Secret } from "../../../src/model/secret.ts";
import { initVault } from "../../../src/providers/local/setup.ts";
import type { VaultOptions } from "../../../src/providers/local/unlocked.ts";
import { type LocalVault, openLocalVault } from "../../../src/providers/local/vault.ts";

export const never = new AbortController().signal;

/** Small enough for tests; a real passphrase costs 64 MiB. */
export const CHEAP = { memory: 64, passes: 1, parallelism: 1 };

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
