/** One value of a SOPS document: AES-256-GCM, bound to its place by the keys that lead to it. */
import { createDecipheriv } from "node:crypto";

/** A value whose type says how SOPS shows it. */
export interface Opened {
  readonly type: string;
  readonly bytes: Buffer;
}

const BEGIN = "ENC[AES256_GCM,";
const VALUE =
  /^ENC\[AES256_GCM,data:([A-Za-z\d+/=]+),iv:([A-Za-z\d+/=]+),tag:([A-Za-z\d+/=]+),type:([a-z]+)\]$/;
const KEY_BYTES = 32;
const IV_BYTES = 32;
const TAG_BYTES = 16;

export function isEncrypted(text: string): boolean {
  return text.startsWith(BEGIN);
}

/** Undefined where the text is none, or where key, place and text do not belong together. */
export function openValue(text: string, key: Buffer, place: string): Opened | undefined {
  const [, data, iv, tag, type] = VALUE.exec(text) ?? [];
  if (data === undefined || iv === undefined || tag === undefined || type === undefined) {
    return undefined;
  }
  const nonce = Buffer.from(iv, "base64");
  const seal = Buffer.from(tag, "base64");
  if (key.length !== KEY_BYTES || nonce.length !== IV_BYTES || seal.length !== TAG_BYTES) {
    return undefined;
  }
  const decipher = createDecipheriv("aes-256-gcm", key, nonce, { authTagLength: TAG_BYTES });
  decipher.setAAD(Buffer.from(place)).setAuthTag(seal);
  const bytes = decipher.update(data, "base64");
  try {
    decipher.final();
  } catch {
    bytes.fill(0);
    return undefined;
  }
  return { type, bytes };
}
