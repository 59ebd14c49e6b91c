/** The stores of a process that stays: what they have said is remembered, and told on while they are away. */
import type { Clock, SecretProvider } from "../../model/ports.ts";
import { createKnown, type Known } from "./known.ts";
import { createValues, type ValueLimits, type ValueUsage } from "./values.ts";

export interface CacheOptions {
  readonly clock: Clock;
  readonly limits: ValueLimits;
  /** How often the store is asked whether that secret has changed, ms. */
  readonly intervalMs: (provider: string, path: string) => number;
}

export interface Cache {
  /** The store with a memory before it. One store of a name at a time. */
  around(provider: SecretProvider): SecretProvider;
  /** By name, those that have been used. */
  readonly stores: ReadonlyMap<string, Pick<Known, "poll" | "retain" | "contact">>;
  /** Somebody wants to know how it is now: what was told so far is asked again. */
  renew(): void;
  usage(): ValueUsage;
}

/** A poll may come a tenth of the interval late, and takes its time. */
const LATE = 1.25;

export function createCache({ clock, limits, intervalMs }: CacheOptions): Cache {
  const stores = new Map<string, Known>();
  const values = createValues(limits);
  return {
    stores,
    around(provider) {
      const { name } = provider;
      const maxAgeMs = (path: string): number => intervalMs(name, path) * LATE;
      const known = createKnown(provider, { clock, maxAgeMs });
      stores.set(name, known);
      return {
        ...provider,
        versions: (requests, signal) => known.versions(requests, signal),
        read: (requests, signal) => values.read(provider, requests, signal),
        close: async () => {
          stores.delete(name);
          if (stores.size === 0) values.close();
          await provider.close();
        },
      };
    },
    renew: () => {
      for (const known of stores.values()) known.renew();
    },
    usage: () => values.usage(),
  };
}
