import { Buffer } from "node:buffer";
import { printable } from "../docker/errors.ts";
import type { Secret } from "../model/secret.ts";

/**
 * Makes foreign text (logs of containers, output of builds, the engine's words)
 * fit to be shown: values of this run become `[secret]`, control characters go.
 */
export interface Scrubber {
  readonly scrub: (text: string) => string;
  /** Knows these, too, from now on; it keeps no hold of them. */
  readonly learn: (values: Iterable<Secret>) => void;
  /** Overwrites what it knows. */
  readonly drop: () => void;
}

const SHOWN = Buffer.from("[secret]");
/** Shorter pieces stand in every text; they are looked for as whole words only. */
const SHORTEST = 4;
/** The engine cuts the output of a check after so many bytes, and marks the end. */
const CUT_BYTES = 4096;
const CUT_MARK = Buffer.from("...");

/**
 * Knows the values as they are and base64, URL, JSON and hex encoded, quoted as shells, Node and
 * Python print them, and on one line as `printable` makes it; whole and by line.
 */
export function createScrubber(values: Iterable<Secret>): Scrubber {
  const long = new Map<string, Buffer>();
  const short: Buffer[] = [];
  let forms: readonly Buffer[] = [];
  const learn: Scrubber["learn"] = (more) => {
    for (const value of [...more].flatMap((one) => piecesOf(one.reveal()))) {
      if (value.length < SHORTEST) short.push(Buffer.from(value));
      else for (const form of formsOf(value)) long.set(form.toString("latin1"), form);
    }
    // The longest first: a value must not survive in part because a piece of it went before.
    forms = [...long.values()].sort((a, b) => b.length - a.length);
  };
  learn(values);
  return {
    learn,
    scrub(text) {
      const hide = (bytes: Buffer): Buffer =>
        hideShort(hideCut(forms.reduce(replaceAll, bytes), bytes.length, forms), short);
      const once = hide(Buffer.from(text)).toString("utf8");
      // A second time, because control characters may have cut a value in two.
      return hide(Buffer.from(dropControls(once))).toString("utf8");
    },
    drop() {
      for (const form of [...long.values(), ...short]) form.fill(0);
      forms = [];
      short.length = 0;
      long.clear();
    },
  };
}

/** One text without these values; nothing of them is kept. */
export function scrubOnce(text: string, values: Iterable<Secret>): string {
  const scrubber = createScrubber(values);
  try {
    return scrubber.scrub(text);
  } finally {
    scrubber.drop();
  }
}

/** Terminal sequences as a whole, then every other control and direction character but tab and newline. */
export function dropControls(text: string): string {
  return text
    .replace(/\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|[@-_])/g, "")
    .replace(/\r\n/g, "\n")
    .replace(
      /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g,
      "",
    );
}

function piecesOf(value: Buffer): readonly Buffer[] {
  const lines: Buffer[] = [];
  for (let start = 0; start <= value.length;) {
    const end = value.indexOf(0x0a, start);
    const stop = end === -1 ? value.length : end;
    const line = value.subarray(start, value[stop - 1] === 0x0d ? stop - 1 : stop);
    if (line.length >= SHORTEST) lines.push(line);
    start = stop + 1;
  }
  return [value, ...lines].filter((piece) => piece.length > 0);
}

/** Encoding makes strings, which cannot be overwritten; they are gone with the next collection. */
function formsOf(value: Buffer): readonly Buffer[] {
  const text = value.toString("utf8");
  const json = JSON.stringify(text).slice(1, -1);
  const url = encodeURIComponent(text.toWellFormed());
  const written = [
    text,
    json,
    json.replaceAll("/", "\\/"),
    escapeLikeGo(json),
    ...quoted(text, json),
  ];
  const encoded = [
    ...written,
    // Whoever put the text on one line has done the same to the value in it.
    ...written.map(printable),
    url,
    url.replaceAll("%20", "+"),
    value.toString("hex"),
    value.toString("hex").toUpperCase(),
    ...base64Forms(value),
  ];
  return [Buffer.from(value), ...encoded.map((form) => Buffer.from(form))].filter(
    (form) => form.length >= SHORTEST,
  );
}

/** As programs print variables: Node and Python in either quotes, `export -p` of dash and of bash. */
function quoted(text: string, json: string): readonly string[] {
  const single = json.replace(/\\./g, (pair) => (pair === '\\"' ? '"' : pair));
  return [
    asciiOnly(json),
    single,
    single.replaceAll("'", "\\'"),
    text.replaceAll("'", String.raw`'\''`),
    text.replaceAll("'", `'"'"'`),
    text.replace(/["$`\\]/g, String.raw`\$&`),
  ];
}

function asciiOnly(json: string): string {
  return json.replace(/[^\x00-\x7f]/g, escaped);
}

function escaped(char: string): string {
  return `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

function escapeLikeGo(json: string): string {
  return json.replace(/[<>&]/g, escaped);
}

/** The value may stand at any of three places within what was encoded, as in `user:password`. */
function base64Forms(value: Buffer): readonly string[] {
  return [0, 1, 2].flatMap((offset) => {
    const padded = Buffer.concat([Buffer.alloc(offset), value]);
    const whole = padded.toString("base64").replaceAll("=", "");
    // The characters at both ends also hold bits of what stands beside the value.
    const from = offset === 0 ? 0 : offset + 1;
    const to = padded.length % 3 === 0 ? whole.length : whole.length - 1;
    const inner = whole.slice(from, to);
    const form = offset === 0 ? [whole, inner, ...wrapped(inner)] : [inner];
    return form
      .filter((text) => text.length >= 2 * SHORTEST || text === whole)
      .flatMap((text) => [text, text.replaceAll("+", "-").replaceAll("/", "_")]);
  });
}

/** Lines as `base64` and PEM files have them, where the value is all that was encoded. */
function wrapped(encoded: string): readonly string[] {
  return [76, 64].flatMap((width) => {
    const lines = encoded.match(new RegExp(`.{1,${width}}`, "g")) ?? [];
    return lines.length > 1 ? lines : [];
  });
}

function replaceAll(text: Buffer, form: Buffer): Buffer {
  let at = text.indexOf(form);
  if (at === -1) return text;
  const parts: Buffer[] = [];
  let from = 0;
  for (; at !== -1; at = text.indexOf(form, from)) {
    parts.push(text.subarray(from, at), SHOWN);
    from = at + form.length;
  }
  return Buffer.concat([...parts, text.subarray(from)]);
}

/** What a text may have been cut off in: the beginning of a value at its end. */
function hideCut(text: Buffer, cutFrom: number, forms: readonly Buffer[]): Buffer {
  if (cutFrom < CUT_BYTES) return text;
  const marked = text.subarray(-CUT_MARK.length).equals(CUT_MARK);
  const end = text.length - (marked ? CUT_MARK.length : 0);
  const begins = forms.map((form) => cutBegin(text.subarray(0, end), form));
  const from = Math.min(end, ...begins.filter((at) => at !== -1));
  return from === end ? text : Buffer.concat([text.subarray(0, from), SHOWN]);
}

/** Where the text turns into a part of the form that its end cuts off; -1 where it does not. */
function cutBegin(text: Buffer, form: Buffer): number {
  const start = form.subarray(0, SHORTEST);
  let at = text.indexOf(start, Math.max(0, text.length - form.length + 1));
  for (; at !== -1; at = text.indexOf(start, at + 1)) {
    if (text.subarray(at).equals(form.subarray(0, text.length - at))) return at;
  }
  return -1;
}

function hideShort(text: Buffer, short: readonly Buffer[]): Buffer {
  return short.reduce((current, value) => {
    const parts: Buffer[] = [];
    let from = 0;
    for (let at = current.indexOf(value); at !== -1; at = current.indexOf(value, at + 1)) {
      if (at < from || isWord(current[at - 1]) || isWord(current[at + value.length])) continue;
      parts.push(current.subarray(from, at), SHOWN);
      from = at + value.length;
    }
    return parts.length === 0 ? current : Buffer.concat([...parts, current.subarray(from)]);
  }, text);
}

function isWord(byte: number | undefined): boolean {
  return byte !== undefined && /\w/.test(String.fromCharCode(byte));
}
