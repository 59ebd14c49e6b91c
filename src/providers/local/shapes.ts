/** What a vault file says, and checks of what was read from one: our own writer's JSON, or a forger's. */
import type { Sealed } from "./envelope.ts";
import type { Wrap } from "./keys.ts";

export interface Header {
  readonly format: "dso-vault";
  readonly formatVersion: 1;
  readonly vault: string;
  readonly wraps: readonly Wrap[];
}

/** One version of one secret. */
export interface VaultRecord {
  readonly secret: string;
  /** From 1, never used twice for one secret. */
  readonly version: number;
  /** ISO 8601, UTC. */
  readonly created: string;
  readonly by: string;
  /** `deleted`: a marker without values, the older versions stay. `destroyed`: the values are erased. */
  readonly state: "live" | "deleted" | "destroyed";
  /** The version that a rollback copied. */
  readonly copyOf?: number;
  /** Sorted by key. */
  readonly values: readonly (Sealed & { readonly key: string })[];
}

export interface Manifest {
  /** Grows by one with every change of the vault. */
  readonly generation: number;
  readonly header: string;
  /** Secret, version and line hash of every record, in the file's order. */
  readonly records: readonly (readonly [secret: string, version: number, hash: string])[];
}

/** Versions in rising order, by secret. */
export type Secrets = ReadonlyMap<string, readonly VaultRecord[]>;

type Fields = Readonly<Record<string, unknown>>;

export function isHeader(value: unknown): value is Header {
  const fields = fieldsOf(value);
  return (
    fields["format"] === "dso-vault" &&
    fields["formatVersion"] === 1 &&
    isText(fields["vault"]) &&
    isListOf(fields["wraps"], isWrap)
  );
}

export function isRecord(value: unknown): value is VaultRecord {
  const fields = fieldsOf(value);
  const copyOf = fields["copyOf"];
  return (
    ["secret", "created", "by"].every((name) => isText(fields[name])) &&
    isCount(fields["version"]) &&
    ["live", "deleted", "destroyed"].some((state) => state === fields["state"]) &&
    (copyOf === undefined || isCount(copyOf)) &&
    isListOf(fields["values"], (item) => isSealed(item) && isText(fieldsOf(item)["key"]))
  );
}

export function isManifest(value: unknown): value is Manifest {
  const fields = fieldsOf(value);
  return (
    isCount(fields["generation"]) &&
    isText(fields["header"]) &&
    isListOf(fields["records"], (item) => {
      const [secret, version, hash] = Array.isArray(item) ? (item as unknown[]) : [];
      return isText(secret) && isCount(version) && isText(hash);
    })
  );
}

function isWrap(value: unknown): boolean {
  const fields = fieldsOf(value);
  if (!isSealed(value) || !isText(fields["salt"])) return false;
  if (fields["kind"] === "key-file") return true;
  const costs = ["memory", "passes", "parallelism"];
  return fields["kind"] === "passphrase" && costs.every((name) => isCount(fields[name]));
}

function isSealed(value: unknown): boolean {
  const fields = fieldsOf(value);
  return ["nonce", "data", "tag"].every((name) => isText(fields[name]));
}

function fieldsOf(value: unknown): Fields {
  return typeof value === "object" && value !== null ? { ...value } : {};
}

function isListOf(value: unknown, check: (item: unknown) => boolean): boolean {
  return Array.isArray(value) && value.every(check);
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) > 0;
}
