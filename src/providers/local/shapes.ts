/** Checks of what was read from a vault file: its own writer's JSON, or a forger's. */
import type { Header, Manifest, VaultRecord } from "./format.ts";

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
