/** The providers of dso.yaml: each type has its line here, and is loaded when it is asked. */
import { dirname, resolve } from "node:path";
import type { Config } from "./config/types.ts";
import { DsoError } from "./model/errors.ts";
import type { Clock, SecretProvider } from "./model/ports.ts";
import type { Cache } from "./providers/cache/cache.ts";
import type { LocalVault } from "./providers/local/vault.ts";
import type { Opening } from "./providers/opening.ts";
import { createPace } from "./providers/pace.ts";
import { createProviders, type Providers } from "./providers/registry.ts";

interface ProviderWiring {
  readonly config: Config;
  /** Undefined in a process that soon ends. */
  readonly cache: Cache | undefined;
  readonly clock: Clock;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly openVault: () => Promise<LocalVault>;
  readonly fingerprintKey: () => Promise<Buffer>;
}

type Open = (opening: Opening) => Promise<SecretProvider>;

export function wireProviders(wiring: ProviderWiring): Providers {
  const { config, environment, cache, clock, openVault, fingerprintKey } = wiring;
  const types = typesOf(openVault);
  const directory = dirname(config.file ?? resolve("dso.yaml"));
  const definitions = [...config.providers.values()].map((provider) => {
    const { name, type, settings, byValue, remote, requestsPerSecond } = provider;
    const open = types[type] ?? (() => refuse(name, type, Object.keys(types)));
    const opened = async (): Promise<SecretProvider> => {
      const pace = createPace(requestsPerSecond, clock);
      const store = await open({ name, settings, environment, directory, clock, pace });
      const told = byValue
        ? (await import("./providers/byValue.ts")).byValue(store, fingerprintKey)
        : store;
      return remote && cache !== undefined ? cache.around(told) : told;
    };
    return [name, opened] as const;
  });
  return createProviders(new Map(definitions), config.defaults.provider);
}

function typesOf(openVault: () => Promise<LocalVault>): Readonly<Record<string, Open>> {
  return {
    local: async ({ name }) =>
      (await import("./providers/local/provider.ts")).createLocalProvider(await openVault(), name),
    env: async (opening) => (await import("./providers/env.ts")).openEnvProvider(opening),
    file: async (opening) => (await import("./providers/file.ts")).openFileProvider(opening),
    vault: async (opening) =>
      (await import("./providers/vault/open.ts")).openVaultProvider(opening),
  };
}

function refuse(name: string, type: string, known: readonly string[]): Promise<never> {
  return Promise.reject(
    new DsoError("not-in-release", `Provider "${name}" is of type ${type}.`, {
      hint: `This release has ${known.join(", ")} only.`,
    }),
  );
}
