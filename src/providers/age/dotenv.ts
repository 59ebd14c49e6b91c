/** A dotenv file as SOPS writes it: no quotes, and what it adds stands in flattened keys. */
import { type Entries, type Leaf, unreadable } from "./tree.ts";

export interface Dotenv {
  readonly entries: Entries<Leaf>;
  /** As it stands in the other formats; undefined where there is none. */
  readonly sops: unknown;
}

const PREFIX = "sops_";
const AGE = /^age__list_(\d{1,4})__map_(\w+)$/;

export function parseDotenv(file: string, text: string): Dotenv {
  const lines = new Map<string, string>();
  for (const line of text.split("\n")) {
    if (line === "" || line.startsWith("#")) continue;
    const end = line.indexOf("=");
    if (end === -1) throw unreadable(file, "has a line that is neither KEY=value nor a comment");
    const key = line.slice(0, end);
    // Its name is not told: in a file that nobody encrypted it may be a piece of a value.
    if (lines.has(key)) throw unreadable(file, "has a key twice");
    lines.set(key, line.slice(end + 1).replaceAll("\\n", "\n"));
  }
  const metadata = [...lines].filter(([key]) => key.startsWith(PREFIX));
  const values = [...lines].filter(([key]) => !key.startsWith(PREFIX));
  return {
    entries: values.map(([key, value]) => [key, { kind: "leaf", type: "str", text: value }]),
    sops: metadata.length === 0 ? undefined : unflatten(metadata),
  };
}

/** Only what is asked for: of another list it is enough to know that it is there. */
function unflatten(metadata: readonly (readonly [string, string])[]): unknown {
  const sops: Record<string, unknown> = {};
  const age: Record<string, string>[] = [];
  for (const [name, value] of metadata) {
    const key = name.slice(PREFIX.length);
    const [, index, field] = AGE.exec(key) ?? [];
    if (index === undefined || field === undefined) sops[key.split("__list_")[0] ?? key] = value;
    else (age[Number(index)] ??= {})[field] = value;
  }
  return { ...sops, age: Array.from(age) };
}
