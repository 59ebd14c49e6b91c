/** Secrets that are JSON objects: each key with its value as bytes. */
import { Secret } from "../model/secret.ts";
import { DEFAULT_KEY } from "./selectKey.ts";

/** A text is its bytes, null is empty, and anything else is its JSON. */
export function valuesOfObject(object: object): ReadonlyMap<string, Secret> {
  return new Map(
    Object.entries(object).map(([key, value]) => [key, new Secret(Buffer.from(asText(value)))]),
  );
}

/** The keys of a text that is a JSON object; any other text is one value. */
export function valuesOfText(text: string): ReadonlyMap<string, Secret> {
  const object = parseObject(text);
  if (object !== undefined) return valuesOfObject(object);
  return new Map([[DEFAULT_KEY, new Secret(Buffer.from(text))]]);
}

function asText(value: unknown): string {
  if (value === null) return "";
  return typeof value === "string" ? value : JSON.stringify(value);
}

function parseObject(text: string): object | undefined {
  if (!/^\s*\{/.test(text)) return undefined;
  try {
    return JSON.parse(text, asWritten as Reviver) as object;
  } catch {
    return undefined;
  }
}

type Reviver = (key: string, value: unknown) => unknown;

/** A number keeps its digits: a double has no room for those of a long one. */
function asWritten(
  _key: string,
  value: unknown,
  { source }: { readonly source?: string },
): unknown {
  return typeof value === "number" && source !== undefined ? rawJson(source) : value;
}

const { rawJSON: rawJson } = JSON as unknown as { readonly rawJSON: (text: string) => object };
