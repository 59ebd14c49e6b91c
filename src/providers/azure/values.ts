import { Secret } from "../../model/secret.ts";
import { DEFAULT_KEY } from "../selectKey.ts";

/** A JSON object gives its keys, as in Vault: a text is its bytes, null is empty, anything else its JSON. */
export function valuesIn(text: string): ReadonlyMap<string, Secret> {
  const keys = objectIn(text);
  if (keys === undefined) return new Map([[DEFAULT_KEY, new Secret(Buffer.from(text))]]);
  return new Map(
    Object.entries(keys).map(([key, value]) => [key, new Secret(Buffer.from(asText(value)))]),
  );
}

function objectIn(text: string): object | undefined {
  if (!/^\s*\{/.test(text)) return undefined;
  try {
    return JSON.parse(text) as object;
  } catch {
    return undefined;
  }
}

function asText(value: unknown): string {
  if (value === null) return "";
  return typeof value === "string" ? value : JSON.stringify(value);
}
