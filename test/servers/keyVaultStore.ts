/** What lies in a Key Vault: secrets with their versions, deleted ones, and its own clock. Held to recordings of the real one. */
import { randomBytes } from "node:crypto";

export interface Attributes {
  enabled: boolean;
  nbf?: number;
  exp?: number;
  created: number;
  updated: number;
}

export interface StoredVersion {
  readonly id: string;
  readonly value: string;
  readonly contentType?: string | undefined;
  readonly tags?: object | undefined;
  readonly attributes: Attributes;
}

export interface StoredSecret {
  /** As it was first written. */
  readonly name: string;
  /** The oldest first. */
  readonly versions: StoredVersion[];
  managed: boolean;
  deleted: { readonly on: number } | undefined;
  /** Its name is left in the list, as an empty place. */
  purged: boolean;
  /** So many reads more do not see what was done last. */
  unseen: number;
}

export interface NewVersion {
  readonly value: string;
  readonly contentType?: string;
  readonly tags?: object;
  readonly attributes?: Partial<Attributes>;
}

export interface KeyVaultStore {
  /** Names are the same in any case of letters. */
  readonly find: (name: string) => StoredSecret | undefined;
  /** Sorted by name, deleted and purged ones among them. */
  readonly all: () => readonly StoredSecret[];
  readonly put: (name: string, version: NewVersion) => StoredVersion;
  readonly update: (version: StoredVersion, attributes: Partial<Attributes>) => void;
  readonly remove: (secret: StoredSecret) => void;
  readonly purge: (secret: StoredSecret) => void;
  /** Seconds since the epoch. */
  readonly now: () => number;
  readonly pass: (seconds: number) => void;
  /** How many seconds pass with each write. */
  pace: number;
  /** How many reads after a change do not see it. */
  lag: number;
}

export function createStore(): KeyVaultStore {
  const secrets = new Map<string, StoredSecret>();
  let now = Math.floor(Date.now() / 1000) - 86_400;
  const tick = (): number => (now += store.pace);
  const store: KeyVaultStore = {
    pace: 10,
    lag: 0,
    now: () => now,
    pass: (seconds) => (now += seconds),
    find: (name) => secrets.get(name.toLowerCase()),
    all: () => [...secrets].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, secret]) => secret),
    put(name, { attributes, ...version }) {
      const created = tick();
      const made = {
        ...{ id: randomBytes(16).toString("hex"), ...version },
        attributes: { enabled: true, ...attributes, created, updated: created },
      };
      const known = secrets.get(name.toLowerCase());
      if (known !== undefined && !known.purged) known.versions.push(made);
      else {
        const rest = { managed: false, deleted: undefined, purged: false, unseen: 0 };
        secrets.set(name.toLowerCase(), { name, versions: [made], ...rest });
      }
      return made;
    },
    update: ({ attributes }, changes) => {
      Object.assign(attributes, changes, { updated: tick() });
    },
    remove(secret) {
      Object.assign(secret, { deleted: { on: tick() }, unseen: store.lag });
    },
    purge: (secret) => {
      secret.purged = true;
    },
  };
  return store;
}
