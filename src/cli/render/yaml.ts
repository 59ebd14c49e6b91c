/** YAML as Compose's own library writes it: the same model is the same bytes. */
import { isObject } from "../../compose/arrange.ts";
import type { Json } from "../../model/project.ts";

export function renderYaml(model: Json, indent = 2): string {
  const [first = "", ...rest] = linesOf(model, indent);
  return `${[first, ...rest].join("\n")}\n`;
}

/** A collection that is not empty stands on lines of its own; all else is one text, of several lines perhaps. */
function linesOf(json: Json, indent: number): readonly string[] {
  if (Array.isArray(json) && json.length > 0) {
    return (json as readonly Json[]).flatMap((item) => {
      const [first = "", ...rest] = linesOf(item, indent);
      const hang = isCollection(item) ? "  " : "";
      return [`- ${first}`, ...rest.map((line) => (line === "" ? "" : hang + line))];
    });
  }
  if (isObject(json) && Object.keys(json).length > 0) {
    return Object.entries(json).flatMap(([key, value]) => {
      const inner = linesOf(value, indent);
      const name = `${scalarLines(key, indent, true).join("\n")}:`;
      if (isCollection(value)) return [name, ...inner.map((line) => shifted(line, indent))];
      const [first = "", ...rest] = inner;
      return [`${name} ${first}`, ...rest];
    });
  }
  if (Array.isArray(json)) return ["[]"];
  if (isObject(json)) return ["{}"];
  if (typeof json === "string") return scalarLines(json, indent, false);
  return [typeof json === "number" ? numberText(json) : JSON.stringify(json)];
}

function isCollection(json: Json): boolean {
  if (Array.isArray(json)) return json.length > 0;
  return isObject(json) && Object.keys(json).length > 0;
}

function shifted(line: string, indent: number): string {
  return line === "" ? line : " ".repeat(indent) + line;
}

/** Go has an exponent for small numbers earlier than JavaScript, and in two digits. */
function numberText(value: number): string {
  if (value === 0 || Math.abs(value) >= 1e-4) return String(value);
  return value.toExponential().replace(/e-(\d)$/, "e-0$1");
}

function scalarLines(text: string, indent: number, isKey: boolean): readonly string[] {
  const inBlock = !isKey && !/ (\n|$)/.test(text) && !SPECIAL.test(text.replaceAll("\t", ""));
  if (text.includes("\n") && inBlock) return literal(text, indent);
  if (isOtherType(text) || SPECIAL.test(text) || text.includes("\n")) return [doubleQuoted(text)];
  if (isPlain(text)) return [text];
  return [`'${text.replaceAll("'", "''")}'`];
}

/** A block that keeps its line breaks. */
function literal(text: string, indent: number): readonly string[] {
  const lines = text.split("\n");
  const ending = text.endsWith("\n") ? (/(^|\n)\n$/.test(text) ? "+" : "") : "-";
  if (ending !== "-") lines.pop();
  const begins = /^[ \n]/.test(text) ? String(indent) : "";
  return [`|${begins}${ending}`, ...lines.map((line) => shifted(line, indent))];
}

/** What a reader of YAML 1.1 or 1.2 would take for something else than text. */
function isOtherType(text: string): boolean {
  return (
    WORD.test(text) ||
    text === "<<" ||
    NUMBER.test(text) ||
    /^[-+]?\.(inf|nan)$/i.test(text) ||
    /^\d{4}-\d\d?-\d\d?(([Tt]|\s+)\d.*)?$/.test(text) ||
    /^[-+]?\d[\d_]*(:[0-5]?\d)+(\.[\d_]*)?$/.test(text)
  );
}

/** In small letters, in capitals, or with a capital first. */
const WORD = new RegExp(
  `^(|~|${["null", "true", "false", "yes", "no", "on", "off", "y", "n"]
    .flatMap((word) => [word, word.toUpperCase(), word.charAt(0).toUpperCase() + word.slice(1)])
    .join("|")})$`,
);

const NUMBER =
  /^[-+]?(0b[01_]+|0o?[0-7_]+|0x[\da-f_]+|(\d[\d_]*)?\.?\d[\d_]*(e[-+]?\d+)?|\d[\d_]*\.(e[-+]?\d+)?)$/i;

/** What only double quotes can hold. */
const SPECIAL = /[^\n\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd]|[\x85\u2028\u2029]/;

function isPlain(text: string): boolean {
  if (/^[,[\]{}#&*!|>'"%@`]/.test(text) || /^[-?:]( |$)/.test(text)) return false;
  return !/^(---|\.\.\.)|^ | $|:( |$)| #/.test(text);
}

function doubleQuoted(text: string): string {
  const escaped = Array.from(text, (character) => {
    const known = ESCAPES[character];
    if (known !== undefined) return known;
    if (!SPECIAL.test(character)) return character;
    const code = (character.codePointAt(0) ?? 0).toString(16).toUpperCase();
    if (code.length <= 2) return `\\x${code.padStart(2, "0")}`;
    return code.length <= 4 ? `\\u${code.padStart(4, "0")}` : `\\U${code.padStart(8, "0")}`;
  });
  return `"${escaped.join("")}"`;
}

const ESCAPES: Readonly<Record<string, string>> = {
  '"': '\\"',
  "\\": "\\\\",
  "\0": "\\0",
  "\x07": "\\a",
  "\b": "\\b",
  "\t": "\\t",
  "\n": "\\n",
  "\v": "\\v",
  "\f": "\\f",
  "\r": "\\r",
  "\x1b": "\\e",
  "\x85": "\\N",
  "\xa0": "\\_",
  "\u2028": "\\L",
  "\u2029": "\\P",
  "\ufeff": "\\uFEFF",
};
