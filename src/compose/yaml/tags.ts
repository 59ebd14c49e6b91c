/** Scalars with a tag, as Compose reads them: what the tag names has to be there. */
import { isUtf8 } from "node:buffer";
import { asText, resolvePlain } from "./scalars.ts";
import type { Resolved } from "./scalars.ts";

const YAML = "tag:yaml.org,2002:";
const KINDS = ["null", "bool", "int", "float", "timestamp"];

/** `undefined` for what is not of the tag's type, and for a number that no file can mean. */
export function resolveTagged(
  tag: string | undefined,
  source: string,
  plain: boolean,
): Resolved | undefined {
  if (tag === undefined || tag === "!") return plain ? resolvePlain(source) : asText(source);
  if (tag === `${YAML}binary`) return binary(source);
  const wanted = tag.startsWith(YAML) ? tag.slice(YAML.length) : "";
  // Under a tag that YAML does not know everything is text, `null` and `1` too.
  if (!KINDS.includes(wanted)) return asText(source);
  const resolved = resolvePlain(source);
  if (resolved === undefined) return undefined;
  const kind = kindOf(resolved);
  if (wanted === "float" && kind === "int") {
    return { ...resolved, value: Number(resolved.value), float: true };
  }
  return kind === wanted ? resolved : undefined;
}

function kindOf({ value, timestamp, float }: Resolved): string {
  if (timestamp === true) return "timestamp";
  if (float === true) return "float";
  if (value === null) return "null";
  if (typeof value === "boolean") return "bool";
  return typeof value === "string" ? "text" : "int";
}

function binary(source: string): Resolved | undefined {
  const bytes = Buffer.from(source, "base64");
  return isUtf8(bytes) ? asText(bytes.toString("utf8")) : undefined;
}
