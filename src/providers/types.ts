/** The types of providers: each has its line here, and is loaded when it is asked. */
import type { Clock, SecretProvider } from "../model/ports.ts";
import type { Settings } from "../model/settings.ts";
import type { Cache } from "./cache/cache.ts";
import type { LeaseStore } from "./leases/store.ts";
import type { LocalVault } from "./local/vault.ts";
import type { Opening } from "./opening.ts";
import { createPace } from "./pace.ts";
import { createProviders, type Providers } from "./registry.ts";

/** One provider of dso.yaml. */
export interface Definition {
  readonly name: string;
  readonly type: string;
  /** Fingerprints of values stand in for versions. */
  readonly byValue: boolean;
  /** It does not lie on this host. */
  readonly remote: boolean;
  /** It issues credentials for a time. */
  readonly leased: boolean;
  readonly requestsPerSecond: number;
  readonly settings: Settings;
}

export interface Surroundings {
  readonly definitions: Iterable<Definition>;
  readonly defaultName: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Absolute: where relative paths of dso.yaml begin. */
  readonly directory: string;
  /** Undefined in a process that soon ends. */
  readonly cache: Cache | undefined;
  readonly clock: Clock;
  readonly openVault: () => Promise<LocalVault>;
  /** Where leases are kept. */
  readonly leases: () => Promise<LeaseStore>;
  /** A type that is none of ours is a program. */
  readonly openPlugin: (type: string, opening: Opening) => Promise<SecretProvider>;
  readonly fingerprintKey: () => Promise<Buffer>;
}

type Open = (opening: Opening) => Promise<SecretProvider>;

export function openProviders(surroundings: Surroundings): Providers {
  const { definitions, defaultName, environment, directory, cache, clock, leases } = surroundings;
  const types = typesOf(surroundings.openVault);
  const common = { environment, directory, clock, leases };
  const opening = [...definitions].map((definition) => {
    const { name, type, settings, byValue, remote, leased, requestsPerSecond } = definition;
    const known = leased ? openLeased : types.get(type);
    const open = known ?? ((opening: Opening) => surroundings.openPlugin(type, opening));
    const opened = async (): Promise<SecretProvider> => {
      const pace = createPace(requestsPerSecond, clock);
      const store = await open({ ...common, name, settings, pace });
      const told = byValue
        ? (await import("./byValue.ts")).byValue(store, surroundings.fingerprintKey)
        : store;
      return remote && cache !== undefined ? cache.around(told, definition) : told;
    };
    return [name, opened] as const;
  });
  return createProviders(new Map(opening), defaultName);
}

function typesOf(openVault: () => Promise<LocalVault>): ReadonlyMap<string, Open> {
  const types: Readonly<Record<string, Open>> = {
    local: async ({ name }) =>
      (await import("./local/provider.ts")).createLocalProvider(await openVault(), name),
    env: async (opening) => (await import("./env.ts")).openEnvProvider(opening),
    file: async (opening) => (await import("./file.ts")).openFileProvider(opening),
    age: async (opening) => (await import("./age/open.ts")).openAgeProvider(opening),
    aws: async (opening) => (await import("./aws/open.ts")).openAwsProvider(opening),
    azure: async (opening) => (await import("./azure/open.ts")).openAzureProvider(opening),
    vault: async (opening) => (await import("./vault/open.ts")).openVaultProvider(opening),
  };
  return new Map(Object.entries(types));
}

async function openLeased(opening: Opening): Promise<SecretProvider> {
  return (await import("./vault/openLeased.ts")).openLeasedProvider(opening);
}
