/** A SOPS document as SOPS itself writes it: YAML, JSON, dotenv, or any bytes in an envelope of JSON. */
import { isUtf8 } from "node:buffer";
import type * as Yaml from "yaml";
import { parseDocuments } from "../../lib/yamlDocuments.ts";
import { DEFAULT_KEY } from "../selectKey.ts";
import { parseDotenv } from "./dotenv.ts";
import { fieldsOf, metadataOf, type SopsMetadata } from "./metadata.ts";
import { decimalOf, integerOf } from "./numbers.ts";
import { type Branch, type Entries, type Leaf, type Tree, unreadable } from "./tree.ts";

export interface SopsDocument {
  /** The top level, without what SOPS adds to it. */
  readonly entries: Entries<Leaf>;
  readonly metadata: SopsMetadata;
  /** The name that a key has for who refers to it. */
  readonly nameOf: (key: string) => string;
}

export type Format = "yaml" | "json" | "dotenv" | "binary";

const METADATA = "sops";
/** The one key of the envelope of a file that is no document. */
const DATA = "data";

/** By the ending of the name, as SOPS decides it. */
export function formatOf(file: string): Format {
  if (/\.ya?ml$/.test(file)) return "yaml";
  if (file.endsWith(".json")) return "json";
  return file.endsWith(".env") ? "dotenv" : "binary";
}

/** Rejects with `secret-denied` for what is no such document, or for what of one is not supported. */
export async function parseDocument(
  file: string,
  bytes: Buffer,
  format: Format,
): Promise<SopsDocument> {
  if (!isUtf8(bytes)) throw notEncrypted(file);
  const text = bytes.toString();
  if (format === "binary") return parseEnvelope(file, text);
  const nameOf = (key: string): string => key;
  if (format === "dotenv") {
    const { entries, sops } = parseDotenv(file, text);
    if (sops === undefined) throw notEncrypted(file);
    return { entries, metadata: metadataOf(file, sops), nameOf };
  }
  const yaml = await import("yaml");
  const { root, sops } = readRoot(yaml, file, text);
  const treeOf = treeReader(yaml, file, format);
  return { entries: treeOf.branch(root).entries, metadata: metadataOf(file, sops), nameOf };
}

export function notEncrypted(file: string): Error {
  return unreadable(
    file,
    "is not encrypted: it is neither an age file nor a SOPS document",
    "Encrypt it with age, or with SOPS as YAML, JSON, dotenv or binary.",
  );
}

/** No parser of YAML is fast enough for a long value in one line. */
function parseEnvelope(file: string, text: string): SopsDocument {
  let envelope: Readonly<Record<string, unknown>>;
  try {
    envelope = fieldsOf(JSON.parse(text));
  } catch {
    throw notEncrypted(file);
  }
  const { [DATA]: data, [METADATA]: sops, ...rest } = envelope;
  if (sops === undefined) throw notEncrypted(file);
  if (typeof data !== "string" || Object.keys(rest).length > 0) {
    const what = "is a SOPS document whose name does not say of which format";
    throw unreadable(file, what, "Let its name end with .yaml, .json or .env.");
  }
  const leaf: Leaf = { kind: "leaf", type: "str", text: data };
  const metadata = metadataOf(file, sops);
  return { entries: [[DATA, leaf]], metadata, nameOf: () => DEFAULT_KEY };
}

interface Root {
  readonly root: Yaml.YAMLMap;
  readonly sops: unknown;
}

/** JSON is YAML: parsed as such, its keys keep their order and its numbers their digits. */
function readRoot(yaml: typeof Yaml, file: string, text: string): Root {
  const options = { schema: "core", prettyErrors: false, stringKeys: true } as const;
  const parsed = parseDocuments(yaml, text, new yaml.LineCounter(), options);
  if (parsed.documents === undefined) throw unreadable(file, "is nested too deep");
  const [document, second] = parsed.documents;
  const [fault] = [...(document?.errors ?? []), ...(document?.warnings ?? [])];
  if (fault !== undefined) throw unreadable(file, `cannot be parsed (${fault.code})`);
  if (second !== undefined) {
    const what = "has several documents, of which one secret cannot be made";
    throw unreadable(file, what, "Write each into a file of its own.");
  }
  const root = document?.contents;
  if (!yaml.isMap(root)) throw notEncrypted(file);
  yaml.visit(root, {
    Node: (_, node) => {
      const hasTag = !yaml.isAlias(node) && node.tag !== undefined;
      if (yaml.isAlias(node) || hasTag) {
        throw unreadable(file, "has an alias or a tag, as SOPS never writes one");
      }
    },
  });
  const isMetadata = ({ key }: Yaml.Pair): boolean => yaml.isScalar(key) && key.value === METADATA;
  const sops = root.items.find(isMetadata)?.value;
  if (!yaml.isMap(sops)) throw notEncrypted(file);
  root.items = root.items.filter((pair) => !isMetadata(pair));
  return { root, sops: sops.toJSON() as unknown };
}

function treeReader(yaml: typeof Yaml, file: string, format: "yaml" | "json") {
  const branch = (map: Yaml.YAMLMap): Branch<Leaf> => ({
    kind: "branch",
    entries: map.items.map(({ key, value }) => {
      if (!yaml.isScalar(key)) throw unreadable(file, "has a key that is no text");
      return [String(key.value), tree(value)] as const;
    }),
  });
  const tree = (node: unknown): Tree<Leaf> => {
    if (yaml.isMap(node)) return branch(node);
    if (yaml.isSeq(node)) return { kind: "list", items: node.items.map(tree) };
    return yaml.isScalar(node) ? leafOf(node, format) : { kind: "leaf", type: "null", text: "" };
  };
  return { branch, tree };
}

/** The text is what SOPS puts into the MAC. */
function leafOf({ value, source }: Yaml.Scalar, format: "yaml" | "json"): Leaf {
  const leaf = (type: Leaf["type"], text: string): Leaf => ({ kind: "leaf", type, text });
  if (typeof value === "string") return leaf("str", value);
  if (typeof value === "boolean") return leaf("bool", value ? "True" : "False");
  if (typeof value !== "number") return leaf("null", "");
  const integer = format === "yaml" ? integerOf(source ?? "") : undefined;
  return integer === undefined ? leaf("float", decimalOf(value)) : leaf("int", integer);
}
