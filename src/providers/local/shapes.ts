/** Checks of what was read from a vault file: its own writer's JSON, or a forger's. */
import type { Header, Manifest, VaultRecord } from "./format.ts";

type Fields = ReadonlyMap<string, unknown>;

export function isHeader(value: unknown): value is Header {
  const fields = fieldsOf(value);
  return (
    fields.get("format") === "dso-vault" &&
    fields.get("formatVersion") === 1 &&
    isText(fields.get("vault")) &&
    isListOf(fields.get("wraps"), isWrap)
  );
}

export function isRecord(value: unknown): value is VaultRecord {
  const fields = fieldsOf(value);
  const copyOf = fields.get("copyOf");
  return (
    ["secret", "created", "by"].every((name) => isText(fields.get(name))) &&
    isCount(fields.get("version")) &&
    ["live", "deleted", "destroyed"].some((state) => state === fields.get("state")) &&
    (copyOf === undefined || isCount(copyOf)) &&
    isListOf(fields.get("values"), (item) => isSealed(item) && isText(fieldsOf(item).get("key")))
  );
}

export function isManifest(value: unknown): value is Manifest {
  const fields = fieldsOf(value);
  return (
    isCount(fields.get("generation")) &&
    isText(fields.get("header")) &&
    isListOf(fields.get("records"), (item) => {
      const [secret, version, hash] = Array.isArray(item) ? (item as unknown[]) : [];
      return isText(secret) && isCount(version) && isText(hash);
    })
  );
}

function isWrap(value: unknown): boolean {
  const fields = fieldsOf(value);
  if (!isSealed(value) || !isText(fields.get("salt"))) return false;
  if (fields.get("kind") === "key-file") return true;
  const costs = ["memory", "passes", "parallelism"];
  return fields.get("kind") === "passphrase" && costs.every((name) => isCount(fields.get(name)));
}

function isSealed(value: unknown): boolean {
  const fields = fieldsOf(value);
  return ["nonce", "data", "tag"].every((name) => isText(fields.get(name)));
}

function fieldsOf(value: unknown): Fields {
  return new Map(typeof value === "object" && value !== null ? Object.entries(value) : []);
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
