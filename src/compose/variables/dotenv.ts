/** The dialect of `.env` and `env_file`. */
import { invalid, refuseNul } from "../fault.ts";
import { substitute } from "./template.ts";
import type { Lookup } from "./template.ts";

export interface Variable {
  readonly value: string;
  readonly line: number;
}

interface Cursor {
  readonly file: string;
  readonly text: string;
  offset: number;
  readonly unset: (name: string) => void;
}

const SPACE = /[\t\v\f\r \u0085\u00a0]/;
const KEY_CHARACTER = /[\p{L}\p{N}_.\-[\]]/u;

export interface DotenvOptions {
  /** The values of `KEY` lines, where `lookup` is not to give them. */
  readonly inherit?: (name: string, line: number) => string | undefined;
  /** Hears of names that nothing gives. */
  readonly unset?: (name: string) => void;
  /** What the files before this one say: it counts where the file itself says nothing. */
  readonly earlier?: Lookup;
}

/**
 * The variables of a file in their order. `lookup` gives the values of `${…}`, before those of the
 * file itself, and of `KEY` lines. Rejects with `compose-invalid`.
 */
export function parseDotenv(
  file: string,
  source: string,
  lookup: Lookup,
  { inherit = lookup, unset = () => undefined, earlier = () => undefined }: DotenvOptions = {},
): Map<string, Variable> {
  const variables = new Map<string, Variable>();
  const cursor = { file, text: source.replace(/^\uFEFF/, ""), offset: 0, unset };
  const both: Lookup = (name) => lookup(name) ?? variables.get(name)?.value ?? earlier(name);
  while (skipToStatement(cursor)) {
    const line = lineOf(cursor);
    const { key, inherited } = readKey(cursor);
    if (inherited) {
      const value = inherit(key, line);
      if (value !== undefined) variables.set(key, { value, line });
    } else {
      const value = readValue(cursor, both);
      refuseNul(value, { file, line, column: 1 });
      variables.set(key, { value, line });
    }
  }
  return variables;
}

/** `docker run --env-file`: no quotes, no variables. */
export function parseRawEnv(file: string, source: string, lookup: Lookup): Map<string, Variable> {
  const variables = new Map<string, Variable>();
  source
    .replace(/^\uFEFF/, "")
    .split(/\r?\n/)
    .forEach((text, index) => {
      const line = text.trimStart();
      if (line === "" || line.startsWith("#")) return;
      const at = { file, line: index + 1, column: 1 };
      refuseNul(line, at);
      const [key = ""] = line.split("=", 1);
      if (key === "") throw invalid("a variable without a name", at);
      if (/\s/.test(key)) throw invalid(`the name "${key}" contains a space`, at);
      const value = line.includes("=") ? line.slice(key.length + 1) : lookup(key);
      if (value !== undefined) variables.set(key, { value, line: index + 1 });
    });
  return variables;
}

function lineOf({ text, offset }: Cursor): number {
  return text.slice(0, offset).split("\n").length;
}

function fault(cursor: Cursor, message: string, hint?: string) {
  return invalid(message, { file: cursor.file, line: lineOf(cursor), column: 1 }, hint);
}

function skipToStatement(cursor: Cursor): boolean {
  const { text } = cursor;
  for (;;) {
    while (cursor.offset < text.length && /\s|\u0085/.test(text.charAt(cursor.offset))) {
      cursor.offset++;
    }
    if (cursor.offset >= text.length) return false;
    if (text[cursor.offset] !== "#") return true;
    const end = text.indexOf("\n", cursor.offset);
    if (end < 0) return false;
    cursor.offset = end;
  }
}

function readKey(cursor: Cursor): { key: string; inherited: boolean } {
  const { text } = cursor;
  if (/^export[\t\n\f\r ]/.test(text.slice(cursor.offset, cursor.offset + 7))) {
    cursor.offset += "export".length;
    while (SPACE.test(text.charAt(cursor.offset))) cursor.offset++;
    if (cursor.offset >= text.length) throw fault(cursor, "a variable without a name", QUOTE_HINT);
  }
  const start = cursor.offset;
  let end = start;
  while (end < text.length && !"=:\n".includes(text.charAt(end))) {
    const character = String.fromCodePoint(text.codePointAt(end) ?? 0);
    if (!SPACE.test(character) && !KEY_CHARACTER.test(character)) {
      throw fault(cursor, `unexpected character "${character}" in a variable's name`, QUOTE_HINT);
    }
    end += character.length;
  }
  const inherited = text[end] === "\n";
  // A last line that is a name and does not end is the value of a variable without a name.
  if (end >= text.length) end = start - 1;
  const key = text.slice(start, Math.max(start, end)).trimEnd();
  if (key.includes(" ")) throw fault(cursor, "a variable's name cannot contain a space");
  cursor.offset = end + 1;
  while (SPACE.test(text.charAt(cursor.offset))) cursor.offset++;
  return { key, inherited };
}

const QUOTE_HINT = "Write NAME=value; put values of several lines in quotes.";

function readValue(cursor: Cursor, lookup: Lookup): string {
  const quote = cursor.text[cursor.offset];
  if (quote === '"' || quote === "'") return readQuoted(cursor, quote, lookup);
  const line = restOfLine(cursor);
  const [value = ""] = line.split(" #", 1);
  return expand(cursor, value.trimEnd(), lookup);
}

/** Takes the rest of the line out of the text. */
function restOfLine(cursor: Cursor): string {
  const newline = cursor.text.indexOf("\n", cursor.offset);
  const end = newline < 0 ? cursor.text.length : newline;
  const line = cursor.text.slice(cursor.offset, end);
  cursor.offset = end + 1;
  return line;
}

function readQuoted(cursor: Cursor, quote: string, lookup: Lookup): string {
  const { text } = cursor;
  let value = "";
  for (let i = cursor.offset + 1; i < text.length; i++) {
    const character = text.charAt(i);
    if (character === quote) {
      const raw = quote === '"' ? expand(cursor, unescape(value), lookup) : value;
      // What follows on the line is a statement of its own.
      cursor.offset = i + 1;
      return raw;
    }
    if (character === "\\" && i + 1 < text.length) {
      const next = text.charAt(++i);
      value += next === quote ? next : `\\${next}`;
    } else value += character;
  }
  throw fault(cursor, "a quoted value does not end", `Add the closing ${quote}.`);
}

const ESCAPES: Readonly<Record<string, string>> = {
  a: "\x07",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
  "\\": "\\",
  $: "$$",
};

function unescape(text: string): string {
  return text.replace(/\\([abcfnrtv$"\\]|0\d{0,3})/g, (whole, escaped: string) => {
    const octal = /^0([0-7]{3})$/.exec(escaped)?.[1];
    if (octal !== undefined) return String.fromCharCode(parseInt(octal, 8));
    return ESCAPES[escaped] ?? whole;
  });
}

function expand(cursor: Cursor, text: string, lookup: Lookup): string {
  const done = substitute(text, lookup);
  if (done.fault !== undefined) throw fault(cursor, done.fault);
  done.missing.forEach(cursor.unset);
  return done.text;
}
