/**
 * The vault file: lines of text. A header, one line per version of a secret, a
 * manifest, and the seal. Each line but the last is the SHA-256 of its JSON, a
 * blank, the JSON. The manifest lists the lines before it by name and hash; the
 * seal is an HMAC over the manifest. So every byte is authenticated, and the hash
 * that does not fit says which line is damaged even to who has no key.
 */
import { hash } from "node:crypto";
import { DsoError, parseJson } from "../../model/errors.ts";
import { authenticate } from "./envelope.ts";
import {
  type Header,
  isHeader,
  isManifest,
  isRecord,
  type Manifest,
  type Secrets,
  type VaultRecord,
} from "./shapes.ts";

export type { Header, Secrets, VaultRecord };

export interface VaultContent {
  readonly header: Header;
  readonly generation: number;
  readonly secrets: Secrets;
}

/** What is read from a file and not yet known to be authentic. */
export interface Unverified extends VaultContent {
  /** Of the whole file: two files have the same one only if they are the same. */
  readonly seal: string;
  readonly manifestLine: Buffer;
}

const HASH_LENGTH = 43;
const NEWLINE = 0x0a;

export function encodeVault(
  content: VaultContent,
  sealKey: Buffer,
): { readonly bytes: Buffer; readonly seal: string } {
  const header = encodeLine(content.header);
  const records = [...content.secrets.keys()]
    .sort()
    .flatMap((name) =>
      (content.secrets.get(name) ?? []).map((record) => ({ record, line: encodeLine(record) })),
    );
  const manifest: Manifest = {
    generation: content.generation,
    header: hashOf(header),
    records: records.map(({ record, line }) => [record.secret, record.version, hashOf(line)]),
  };
  const manifestLine = Buffer.from(encodeLine(manifest));
  const seal = authenticate(sealKey, manifestLine);
  const before = [header, ...records.map(({ line }) => line)].join("\n");
  return { bytes: Buffer.from(`${before}\n${manifestLine.toString()}\n${seal}\n`), seal };
}

/** Rejects with `vault-corrupt` that names the damaged part. `verifySeal` is still to be asked. */
export function decodeVault(file: string, bytes: Buffer): Unverified {
  const lines = splitLines(file, bytes);
  const seal = lines.at(-1)?.toString("latin1") ?? "";
  const manifestLine = lines.at(-2) ?? Buffer.alloc(0);
  const manifest = decodeLine(manifestLine);
  const named = isManifest(manifest) ? manifest : undefined;
  const [headerLine = Buffer.alloc(0), ...recordLines] = lines.slice(0, -2);
  const header = decodeLine(headerLine);
  if (!isHeader(header)) {
    const fault = header === undefined ? "" : " is of a format that this release does not know";
    throw corrupt(file, `the header (line 1)${fault}`);
  }
  const secrets = new Map<string, VaultRecord[]>();
  for (const [index, line] of recordLines.entries()) {
    const record = decodeLine(line);
    if (!isRecord(record)) throw corrupt(file, nameRecord(named, index));
    const versions = secrets.get(record.secret);
    if (versions === undefined) secrets.set(record.secret, [record]);
    else versions.push(record);
  }
  if (named === undefined) throw corrupt(file, "the manifest (the last line but one)");
  refuseStrangers(file, named, headerLine, recordLines);
  return { header, generation: named.generation, secrets, seal, manifestLine };
}

/** Rejects with `vault-corrupt` unless somebody who had the data key wrote this file, and all of it. */
export function verifySeal(file: string, content: Unverified, sealKey: Buffer): void {
  if (authenticate(sealKey, content.manifestLine) === content.seal) return;
  throw corrupt(file, "the seal (the last line)");
}

export function corrupt(file: string, part: string): DsoError {
  return new DsoError("vault-corrupt", `the vault ${file} is damaged: ${part}`);
}

function splitLines(file: string, bytes: Buffer): readonly Buffer[] {
  const lines: Buffer[] = [];
  let start = 0;
  for (let end = bytes.indexOf(NEWLINE); end !== -1; end = bytes.indexOf(NEWLINE, start)) {
    lines.push(bytes.subarray(start, end));
    start = end + 1;
  }
  if (start < bytes.length) lines.push(bytes.subarray(start));
  if (bytes.at(-1) !== NEWLINE || lines.at(-1)?.length !== HASH_LENGTH) {
    const ending = `its end: cut short in line ${lines.length}, or the seal (the last line) is broken`;
    throw corrupt(file, lines.length === 0 ? "it is empty" : ending);
  }
  return lines;
}

/** Every line is where the manifest says, and the very one: none swapped, none from another file. */
function refuseStrangers(
  file: string,
  manifest: Manifest,
  header: Buffer,
  records: readonly Buffer[],
): void {
  if (hashOf(header.toString("latin1")) !== manifest.header)
    throw corrupt(file, "the header (line 1)");
  for (const [index, [, , expected]] of manifest.records.entries()) {
    const line = records[index];
    if (line === undefined) throw corrupt(file, `${nameRecord(manifest, index)} is missing`);
    if (hashOf(line.toString("latin1")) !== expected)
      throw corrupt(file, nameRecord(manifest, index));
  }
  if (records.length > manifest.records.length) {
    throw corrupt(file, `line ${manifest.records.length + 2} does not belong to it`);
  }
}

function nameRecord(manifest: Manifest | undefined, index: number): string {
  const [secret, version] = manifest?.records[index] ?? [];
  const line = `line ${index + 2}`;
  return secret === undefined
    ? `${line} and the manifest`
    : `secret "${secret}", version ${version ?? "?"} (${line})`;
}

function encodeLine(value: object): string {
  const json = JSON.stringify(value);
  return `${hash("sha256", json, "base64url")} ${json}`;
}

function hashOf(line: string): string {
  return line.slice(0, HASH_LENGTH);
}

/** `undefined` for a line whose hash is not that of its JSON. */
function decodeLine(line: Buffer): unknown {
  const json = line.subarray(HASH_LENGTH + 1);
  const expected = `${hash("sha256", json, "base64url")} `;
  if (line.toString("latin1", 0, HASH_LENGTH + 1) !== expected) return undefined;
  return parseJson(json.toString());
}
