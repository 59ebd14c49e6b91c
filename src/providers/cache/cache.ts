/** The stores of a process that stays: what they have said is remembered, and told on while they are away. */
import { createHash } from "node:crypto";
import { type Clock, requestKey, type SecretProvider } from "../../model/ports.ts";
import type { SecretId } from "../../model/reference.ts";
import { Secret } from "../../model/secret.ts";
import type { Settings } from "../../model/settings.ts";
import { createKnown, type Known } from "./known.ts";
import { createTurns } from "./turns.ts";
import { createValues, type ValueLimits, type ValueUsage } from "./values.ts";

export interface CacheOptions {
  readonly clock: Clock;
  readonly limits: ValueLimits;
  /** How often the store is asked whether that secret has changed, ms. */
  readonly intervalMs: (provider: string, path: string) => number;
  /** Of the same process: dso.yaml was read anew, or the engine was away. */
  readonly before?: Cache | undefined;
}

/** What makes it this store: of another one nothing is inherited. */
export interface StoreIdentity {
  readonly type: string;
  readonly byValue: boolean;
  readonly settings: Settings;
}

export interface Cache {
  /** The store with a memory before it. One store of a name at a time. */
  around(provider: SecretProvider, store: StoreIdentity): SecretProvider;
  /** By name, those that have been used. */
  readonly stores: ReadonlyMap<string, Pick<Known, "poll" | "retain" | "contact">>;
  /**
   * What the stores that have been used say of these now; whether that is something else than they have said.
   * Rejects where one is away.
   */
  ask(secrets: readonly SecretId[], signal: AbortSignal): Promise<boolean>;
  usage(): ValueUsage;
  /** What stores have said, for the one that comes after it: by name, with their identity. */
  readonly memory: ReadonlyMap<string, { readonly identity: string; readonly known: Known }>;
}

/** A poll may come a tenth of the interval late, and takes its time. */
const LATE = 1.25;

export function createCache({ clock, limits, intervalMs, before }: CacheOptions): Cache {
  const stores = new Map<string, Known>();
  const memory = new Map(before?.memory);
  const values = createValues(limits);
  return {
    stores,
    memory,
    around(provider, store) {
      const [{ name }, identity] = [provider, identityOf(store)];
      const maxAgeMs = (path: string): number => intervalMs(name, path) * LATE;
      const known = createKnown(provider, { clock, maxAgeMs });
      const inTurn = createTurns();
      const former = memory.get(name);
      if (former?.identity === identity) known.inherit(former.known);
      memory.set(name, { identity, known });
      stores.set(name, known);
      return {
        ...provider,
        versions: (requests, signal) =>
          inTurn(requests.map(requestKey), () => known.versions(requests, signal), signal),
        read: (requests, signal) => values.read(provider, requests, signal),
        close: async () => {
          stores.delete(name);
          if (stores.size === 0) values.close();
          await provider.close();
        },
      };
    },
    ask: async (secrets, signal) => {
      const byStore = Map.groupBy(secrets, ({ provider }) => stores.get(provider));
      const asked = [...byStore].map(async ([known, group]) => {
        const paths = new Set(group.map(({ path }) => path));
        return known !== undefined && known.ask([...paths], signal);
      });
      return (await Promise.all(asked)).includes(true);
    },
    usage: () => values.usage(),
  };
}

/** Credentials are not told apart: who logs in otherwise asks the same store. A plugin's part is all it has. */
function identityOf({ type, byValue, settings: { config, ...settings } }: StoreIdentity): string {
  const own = config instanceof Secret ? createHash("sha256").update(config.reveal()) : undefined;
  return JSON.stringify([type, byValue, settings, own?.digest("hex")]);
}
