/** What a SOPS document says about itself: who can decrypt it, and what proves it whole. */
import { unreadable } from "./tree.ts";

export interface SopsMetadata {
  /** For each recipient the data key, in an armored age file. */
  readonly dataKeys: readonly string[];
  /** Encrypted like a value. */
  readonly mac: string;
  readonly lastModified: string;
  /** Values that are not encrypted are not protected either. */
  readonly macOnlyEncrypted: boolean;
}

/** Each of them costs an attempt. */
const MAX_RECIPIENTS = 1000;

/** Keys that other stores hold, by SOPS' names for them. */
const OTHER_KEYS: Readonly<Record<string, string>> = {
  kms: "AWS KMS",
  gcp_kms: "GCP KMS",
  azure_kv: "Azure Key Vault",
  hc_vault: "Vault transit",
  hckms: "Huawei Cloud KMS",
  pgp: "PGP",
};

/** Rejects with `secret-denied` where age cannot open the document, or something of it is not understood. */
export function metadataOf(file: string, sops: unknown): SopsMetadata {
  const fields = fieldsOf(sops);
  const isSet = (key: string): boolean => {
    const value = fields[key];
    return value !== undefined && value !== null && !(Array.isArray(value) && value.length === 0);
  };
  if (isSet("key_groups")) {
    const what = "divides its key among groups (key_groups), which is not supported";
    throw unreadable(file, what, "Encrypt it again with one group that has an age recipient.");
  }
  const entries = Array.isArray(fields["age"]) ? fields["age"] : [];
  const dataKeys = entries.map((entry) => fieldsOf(entry)["enc"]).filter(isText);
  if (dataKeys.length === 0 || dataKeys.length !== entries.length) {
    const others = Object.keys(OTHER_KEYS).filter(isSet);
    const list = others.map((key) => OTHER_KEYS[key]).join(" and ");
    const what = list === "" ? "has no age recipient" : `is encrypted for ${list} alone`;
    throw unreadable(file, what, "Add an age recipient: sops rotate -i --add-age age1… FILE");
  }
  if (dataKeys.length > MAX_RECIPIENTS) {
    throw unreadable(file, `has more than ${MAX_RECIPIENTS} recipients`);
  }
  const { mac, lastmodified } = fields;
  if (!isText(mac) || !isText(lastmodified)) {
    throw unreadable(file, "has no MAC, so that nothing proves it whole");
  }
  const macOnlyEncrypted = [true, "true"].includes(fields["mac_only_encrypted"] as boolean);
  return { dataKeys, mac, lastModified: lastmodified, macOnlyEncrypted };
}

export function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? { ...value } : {};
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value !== "";
}
