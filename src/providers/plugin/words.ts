/** What a plugin says in its own words: foreign text, in which its values may stand. */
import { createHash } from "node:crypto";
import type { Readable } from "node:stream";
import { stripVTControlCharacters } from "node:util";
import { Secret } from "../../model/secret.ts";

/** The same text with these values taken out, however they are encoded. */
export type Scrub = (text: string, values: Iterable<Secret>) => string;

/** So much of what it says on standard error is kept. */
const KEPT_BYTES = 8 * 1024;
/** Of so many bytes of values copies are kept, to find them again. */
const KNOWN_BYTES = 1024 * 1024;
const LONGEST = 500;
const NEWLINE = 0x0a;

export interface Words {
  /** Values that it has, or that it has given: they are not shown from now on. */
  readonly learn: (values: Iterable<Secret>) => void;
  /** Fit to be shown, on one line, its end if it is long; empty where nothing can be shown. */
  readonly clean: (text: string) => string;
  /** The same of what it has said last on standard error. */
  readonly last: () => string;
  /** Nothing is known from then on, and so nothing is shown. */
  readonly drop: () => void;
}

export function createWords(scrub: Scrub): Words & { readonly listen: (error: Readable) => void } {
  const known = new Map<string, Secret>();
  let knownBytes = 0;
  let kept = Buffer.alloc(0);
  let isCut = false;
  let isDropped = false;
  const show = (text: string, newline: string): string => {
    if (knownBytes > KNOWN_BYTES || isDropped) return "";
    const words = onOneLine(scrub(text, known.values()), newline);
    return words.length > LONGEST ? `…${words.slice(-LONGEST)}` : words;
  };
  return {
    clean: (text) => show(text, " "),
    learn(values) {
      if (isDropped) return;
      for (const value of values) {
        const digest = createHash("sha256").update(value.reveal()).digest("hex");
        if (known.has(digest) || value.byteLength === 0) continue;
        knownBytes += value.byteLength;
        if (knownBytes <= KNOWN_BYTES) known.set(digest, new Secret(Buffer.from(value.reveal())));
      }
    },
    listen(error) {
      error.on("data", (chunk: Buffer) => {
        const all = Buffer.concat([kept, chunk]);
        isCut ||= all.length > KEPT_BYTES;
        kept = all.subarray(-KEPT_BYTES);
      });
    },
    last: () => show(wholeLines(kept, isCut).toString("utf8"), " | "),
    drop() {
      isDropped = true;
      for (const value of known.values()) value.drop();
      known.clear();
    },
  };
}

/** In half a line there may be half a value, which nobody would find. */
function wholeLines(bytes: Buffer, isCut: boolean): Buffer {
  if (!isCut) return bytes;
  const end = bytes.indexOf(NEWLINE);
  return end === -1 ? Buffer.alloc(0) : bytes.subarray(end + 1);
}

function onOneLine(text: string, newline: string): string {
  return stripVTControlCharacters(text)
    .trim()
    .replaceAll(/\s*\n\s*/g, newline)
    .replaceAll(/\s+/g, " ")
    .replaceAll(/[\p{Cc}\p{Cf}]/gu, "");
}
