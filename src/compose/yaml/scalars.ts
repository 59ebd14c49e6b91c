/**
 * YAML's plain scalars as Compose reads them (Go's YAML library): `0440` is octal,
 * `1_000` a number, an unquoted date a timestamp, `yes` and `22:22` text.
 */
import type { ScalarValue } from "../node.ts";

export interface Resolved {
  readonly value: ScalarValue;
  readonly text: string;
  readonly timestamp?: true;
  readonly float?: true;
}

const KEYWORDS: ReadonlyMap<string, null | boolean> = new Map([
  ...["", "~", "null", "Null", "NULL"].map((word) => [word, null] as const),
  ...["true", "True", "TRUE"].map((word) => [word, true] as const),
  ...["false", "False", "FALSE"].map((word) => [word, false] as const),
]);

const FLOAT = /^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$/;
const INFINITE = /^(?:[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$/;

/** `undefined` for a number that no file can mean: infinity, not-a-number. */
export function resolvePlain(source: string): Resolved | undefined {
  const word = KEYWORDS.get(source);
  if (word !== undefined) return { value: word, text: word === null ? "" : String(word) };
  if (INFINITE.test(source)) return undefined;
  if (/^[-+.0-9]/.test(source)) return timestamp(source) ?? number(source) ?? asText(source);
  return asText(source);
}

export function asText(source: string): Resolved {
  return { value: source, text: source };
}

function number(source: string): Resolved | undefined {
  const plain = source.replaceAll("_", "");
  const whole = integer(plain);
  if (whole !== undefined) return whole;
  if (!FLOAT.test(plain)) return undefined;
  const value = Number(plain);
  return Number.isFinite(value) ? { value, text: goFloat(value), float: true } : undefined;
}

function integer(plain: string): Resolved | undefined {
  const match = /^([-+]?)(0[xX][0-9a-fA-F]+|0[oO]?[0-7]+|0[bB][01]+|[1-9][0-9]*|0)$/.exec(plain);
  if (match === null) return undefined;
  const [, sign, digits = ""] = match;
  const octal = /^0[0-7]+$/.test(digits) ? `0o${digits.slice(1)}` : digits;
  const size = BigInt(octal);
  if (size > 0xffffffffffffffffn)
    return { value: Number(size), text: goFloat(Number(size)), float: true };
  if (sign === "-" && size === 0n) return { value: 0, text: "-0" };
  const signed = sign === "-" ? -size : size;
  const safe = signed >= -BigInt(Number.MAX_SAFE_INTEGER) && signed <= Number.MAX_SAFE_INTEGER;
  return { value: safe ? Number(signed) : signed, text: signed.toString() };
}

/** Go's `%v` of a float64: the shortest digits, an exponent from 1e+06 on and below 1e-04. */
export function goFloat(value: number): string {
  if (value === 0) return Object.is(value, -0) ? "-0" : "0";
  const [digits = "", power = "0"] = value.toExponential().split("e");
  const exponent = Number(power);
  if (exponent >= -4 && exponent < 6) return plainDecimal(value);
  const sign = exponent < 0 ? "-" : "+";
  return `${digits}e${sign}${String(Math.abs(exponent)).padStart(2, "0")}`;
}

function plainDecimal(value: number): string {
  const text = String(value);
  return text.includes("e") ? value.toFixed(20).replace(/0+$/, "") : text;
}

const DATE =
  /^(\d{4})-(\d{1,2})-(\d{1,2})(?:[Tt ](\d{1,2}):(\d{1,2}):(\d{1,2})(\.\d{1,9})?(Z|[-+]\d{2}:\d{2})?)?$/;

function timestamp(source: string): Resolved | undefined {
  const match = DATE.exec(source);
  if (match === null) return undefined;
  const [, year = "", month = "", day = "", hour = "0", minute = "0", second = "0"] = match;
  const fraction = (match[7] ?? "").replace(/\.?0+$/, "");
  const zone = match[8] ?? "Z";
  const two = (part: string) => part.padStart(2, "0");
  const date = `${year}-${two(month)}-${two(day)}`;
  const time = `${two(hour)}:${two(minute)}:${two(second)}`;
  // A date that no calendar has is rolled over, and then it reads otherwise.
  const parsed = new Date(`${date}T${time}Z`);
  if (Number.isNaN(parsed.getTime()) || !parsed.toISOString().startsWith(date)) return undefined;
  const offset = zone === "Z" ? "+0000 UTC" : `${zone.replace(":", "")} ${zone.replace(":", "")}`;
  return {
    value: `${date}T${time}${fraction}${zone}`,
    text: `${date} ${time}${fraction} ${offset}`,
    timestamp: true,
  };
}
