/** YAML as Docker Compose writes it: readers of any version of YAML find the same values in it. */
import type { Json } from "../../model/project.ts";
import { isObject } from "./arrange.ts";
import { goFloat, resolvePlain } from "../yaml/scalars.ts";

/** Without a newline at its end. What belongs to a key stands `step` spaces further in. */
export function yamlText(value: Json, step = 2): string {
  return node(value, 0, step).trimStart();
}

/** With what separates it from the `key:` or the dash before it. */
function node(value: Json, indent: number, step: number): string {
  const pad = " ".repeat(indent);
  if (Array.isArray(value)) {
    const items = (value as readonly Json[]).map(
      (item) => `${pad}-${besideDash(item, indent, step)}`,
    );
    return items.length === 0 ? " []" : `\n${items.join("\n")}`;
  }
  if (!isObject(value)) return ` ${scalar(value, indent, step)}`;
  const entries = Object.entries(value).map(([key, one]) => {
    const inner = isObject(one) || Array.isArray(one) ? indent + step : indent;
    return `${pad}${text(key)}:${node(one, inner, step)}`;
  });
  return entries.length === 0 ? " {}" : `\n${entries.join("\n")}`;
}

function besideDash(item: Json, indent: number, step: number): string {
  const inner = isObject(item) || Array.isArray(item) ? indent + 2 : indent;
  return node(item, inner, step).replace(/^\n +/, " ");
}

function scalar(value: Json, indent: number, step: number): string {
  if (typeof value === "string") {
    return isBlock(value) ? block(value, indent + step, step) : text(value);
  }
  if (typeof value !== "number") return JSON.stringify(value);
  return Number.isInteger(value) ? BigInt(value).toString() : goFloat(value);
}

/** What a line of YAML cannot hold as it is, or not every reader takes for the same. */
const SPECIAL = /[^\n\x20-\x7e\u00a0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd]/u;

/** Lines that keep their ends: without spaces there, which nobody sees. */
function isBlock(value: string): boolean {
  const lines = value.replaceAll("\t", "x");
  return lines.includes("\n") && !SPECIAL.test(lines) && !/ (\n|$)/.test(lines);
}

function block(value: string, indent: number, step: number): string {
  const hint = /^[ \n]/.test(value) ? String(step) : "";
  const end = /^\n$|\n\n$/.test(value) ? "+" : value.endsWith("\n") ? "" : "-";
  const lines = value.replace(/\n$/, "").split("\n");
  const pad = " ".repeat(indent);
  return `|${hint}${end}\n${lines.map((line) => (line === "" ? "" : pad + line)).join("\n")}`;
}

/** Words and numbers that some reader takes for something else than text. */
const OTHERWISE =
  /^(?:[yn]|yes|no|on|off|<<|[-+]?\d[\d_]*(?::[0-5]?\d)+(?:\.[\d_]*)?|[-+]?(?:\.\d+|\d+\.?\d*)(?:e[-+]?\d+)?)$/i;

/** What begins or parts something else than text. */
const INDICATOR = /^[#,[\]{}&*!|>'"%@`]|^[-?:](?: |$)|^(?:---|\.\.\.)|: |:$| #|^ | $/;

function text(value: string): string {
  if (value.includes("\n") || SPECIAL.test(value) || OTHERWISE.test(value)) return quoted(value);
  const read = resolvePlain(value);
  if (typeof read?.value !== "string" || read.timestamp === true) return quoted(value);
  return INDICATOR.test(value) ? `'${value.replaceAll("'", "''")}'` : value;
}

const ESCAPES: Readonly<Record<string, string>> = {
  "\0": "\\0",
  "\x07": "\\a",
  "\b": "\\b",
  "\t": "\\t",
  "\n": "\\n",
  "\v": "\\v",
  "\f": "\\f",
  "\r": "\\r",
  "\x1b": "\\e",
  '"': '\\"',
  "\\": "\\\\",
  "\x85": "\\N",
  "\u2028": "\\L",
  "\u2029": "\\P",
};

function quoted(value: string): string {
  const escaped = value.replace(/./gsu, (character) => {
    if (ESCAPES[character] !== undefined) return ESCAPES[character];
    return SPECIAL.test(character) ? numbered(character.codePointAt(0) ?? 0) : character;
  });
  return `"${escaped}"`;
}

function numbered(point: number): string {
  const [letter, width] =
    point <= 0xff
      ? (["x", 2] as const)
      : point <= 0xffff
        ? (["u", 4] as const)
        : (["U", 8] as const);
  return `\\${letter}${point.toString(16).toUpperCase().padStart(width, "0")}`;
}
