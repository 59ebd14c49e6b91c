import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes } from "node:crypto";

const CIPHER = "aes-256-gcm";
const NONCE_BYTES = 12;
/** Always given: without it Node accepts a tag of four bytes, which can be guessed. */
const TAG_BYTES = 16;
const KEY_BYTES = 32;

/** Base64 of what AES-256-GCM gives. */
export interface Sealed {
  readonly nonce: string;
  readonly data: string;
  readonly tag: string;
}

/** Encrypts; `context` is authenticated with it and must be given again to open. */
export function seal(key: Buffer, context: readonly unknown[], plain: Buffer): Sealed {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES });
  cipher.setAAD(encodeContext(context));
  const data = Buffer.concat([cipher.update(plain), cipher.final()]);
  return {
    nonce: nonce.toString("base64"),
    data: data.toString("base64"),
    tag: cipher.getAuthTag().toString("base64"),
  };
}

/** The plain bytes; `undefined` when the key or the context is another, or a byte was changed. */
export function open(key: Buffer, context: readonly unknown[], sealed: Sealed): Buffer | undefined {
  const nonce = Buffer.from(sealed.nonce, "base64");
  const tag = Buffer.from(sealed.tag, "base64");
  if (nonce.length !== NONCE_BYTES || tag.length !== TAG_BYTES) return undefined;
  const decipher = createDecipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES });
  decipher.setAAD(encodeContext(context)).setAuthTag(tag);
  const plain = decipher.update(Buffer.from(sealed.data, "base64"));
  try {
    decipher.final();
    return plain;
  } catch {
    // The only thing that final() can find in this mode is that the tag does not fit.
    plain.fill(0);
    return undefined;
  }
}

/** What one vault's data key is used for, each purpose with a key of its own. */
export interface DataKeys {
  readonly values: Buffer;
  readonly seal: Buffer;
  drop(): void;
}

export function deriveKeys(dataKey: Buffer, vaultId: string): DataKeys {
  const values = derive(dataKey, vaultId, "dso vault 1: values");
  const sealKey = derive(dataKey, vaultId, "dso vault 1: seal");
  return {
    values,
    seal: sealKey,
    drop: () => {
      values.fill(0);
      sealKey.fill(0);
    },
  };
}

/** 32 bytes for one purpose out of 32 that have several. */
export function derive(key: Buffer, salt: string, purpose: string): Buffer {
  return Buffer.from(hkdfSync("sha256", key, salt, purpose, KEY_BYTES));
}

export function authenticate(key: Buffer, data: Buffer): string {
  return createHmac("sha256", key).update(data).digest("base64url");
}

export function randomKey(): Buffer {
  return randomBytes(KEY_BYTES);
}

/** JSON of a list of texts and numbers: no two lists have the same one. */
function encodeContext(context: readonly unknown[]): Buffer {
  return Buffer.from(JSON.stringify(context));
}
