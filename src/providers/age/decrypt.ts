/** The values of a SOPS document: none is given before the MAC over all of them has proved it whole. */
import { createHash, type Hash, timingSafeEqual } from "node:crypto";
import { Secret } from "../../model/secret.ts";
import { isEncrypted, openValue } from "./cipher.ts";
import type { SopsDocument } from "./document.ts";
import { type Leaf, type Tree, unreadable } from "./tree.ts";
import { type Plain, valueOf } from "./value.ts";

/** What SOPS begins a MAC with that is over encrypted values alone: SHA-256 of `sops`. */
const ENCRYPTED_ONLY = "8a3fd2ad54ce66527b1034f3d147be0b0b975b3bf44f72c6fdadec8176f27d69";

/** Key to value, in the order of the file. Rejects with `secret-denied`, and then no value is left. */
export function decryptDocument(
  file: string,
  document: SopsDocument,
  dataKey: Buffer,
): ReadonlyMap<string, Secret> {
  const { entries, metadata, nameOf } = document;
  const hash = createHash("sha512");
  if (metadata.macOnlyEncrypted) hash.update(ENCRYPTED_ONLY, "hex");
  const opened: Buffer[] = [];
  const values = new Map<string, Secret>();
  const opening: Opening = { file, dataKey, hash, opened, all: !metadata.macOnlyEncrypted };
  try {
    const plain = entries.map(([key, value]) => [key, open(opening, [key], value)] as const);
    verify(file, document, dataKey, hash.digest());
    const told = new Set(protectedKeys(document));
    for (const [key, value] of plain) {
      if (value === undefined || !told.has(nameOf(key))) continue;
      values.set(nameOf(key), new Secret(valueOf(file, value)));
    }
    return values;
  } catch (error) {
    for (const value of values.values()) value.drop();
    throw error;
  } finally {
    for (const bytes of opened) bytes.fill(0);
  }
}

/**
 * The names of the keys whose values are proved to be what they were. Where the MAC is over encrypted values alone,
 * those are the ones of nothing else: an empty text, list or mapping anybody can have put there.
 */
export function protectedKeys({ entries, metadata, nameOf }: SopsDocument): readonly string[] {
  return entries
    .filter(([, value]) => !metadata.macOnlyEncrypted || isEncryptedAll(value))
    .map(([key]) => nameOf(key));
}

function isEncryptedAll(value: Tree<Leaf>): boolean {
  if (value.kind === "leaf") return isEncrypted(value.text);
  const inner = value.kind === "list" ? value.items : value.entries.map(([, one]) => one);
  return inner.length > 0 && inner.every(isEncryptedAll);
}

interface Opening {
  readonly file: string;
  readonly dataKey: Buffer;
  readonly hash: Hash;
  /** Every value that was decrypted, to be overwritten. */
  readonly opened: Buffer[];
  /** The MAC is over plain values, too. */
  readonly all: boolean;
}

/** Undefined for a comment, which in a list stands as an item. */
function open(opening: Opening, path: readonly string[], value: Tree<Leaf>): Plain | undefined {
  if (value.kind === "branch") {
    const entries = value.entries.map(
      ([key, inner]) => [key, open(opening, [...path, key], inner)] as const,
    );
    return { kind: "branch", entries: entries.filter(hasValue) };
  }
  if (value.kind === "list") {
    const items = value.items.map((item) => open(opening, path, item));
    return { kind: "list", items: items.filter((item) => item !== undefined) };
  }
  const { file, dataKey, hash, opened, all } = opening;
  if (!isEncrypted(value.text)) {
    const bytes = Buffer.from(value.text);
    if (all) hash.update(bytes);
    return { kind: "leaf", type: value.type, bytes };
  }
  const found = openValue(value.text, dataKey, `${path.join(":")}:`);
  if (found === undefined) throw damaged(file, `its value at ${path.join(".")} does not decrypt`);
  opened.push(found.bytes);
  if (found.type === "comment") return undefined;
  hash.update(found.bytes);
  return { kind: "leaf", ...found };
}

function hasValue(entry: readonly [string, Plain | undefined]): entry is readonly [string, Plain] {
  return entry[1] !== undefined;
}

function verify(file: string, { metadata }: SopsDocument, dataKey: Buffer, computed: Buffer): void {
  const mac = openValue(metadata.mac, dataKey, metadata.lastModified);
  if (mac === undefined) throw damaged(file, "its MAC does not decrypt");
  const expected = Buffer.from(computed.toString("hex").toUpperCase());
  const isSame = mac.bytes.length === expected.length && timingSafeEqual(mac.bytes, expected);
  if (!isSame) throw damaged(file, "MAC mismatch");
}

function damaged(file: string, why: string): Error {
  const hint =
    "Somebody has changed it without SOPS: take it from an older commit, or encrypt it again.";
  return unreadable(file, `is not what was encrypted: ${why}`, hint);
}
