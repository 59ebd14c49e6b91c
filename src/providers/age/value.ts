/** What is delivered of a decrypted value: a text is its bytes, null is empty, and anything else is its JSON. */
import { isUtf8 } from "node:buffer";
import { type Tree, unreadable } from "./tree.ts";

/** `type`: one of SOPS' words for it, or `null`. */
export interface PlainLeaf {
  readonly kind: "leaf";
  readonly type: string;
  readonly bytes: Buffer;
}

export type Plain = Tree<PlainLeaf>;

/** A copy. Rejects with `secret-denied` where there is no such type, or no such JSON. */
export function valueOf(file: string, value: Plain): Buffer {
  if (value.kind !== "leaf") return Buffer.from(jsonOf(file, value));
  switch (value.type) {
    case "bool":
      return Buffer.from(jsonOf(file, value));
    case "null":
      return Buffer.alloc(0);
    case "str":
    case "bytes":
    case "int":
    case "float":
    case "time":
      return Buffer.from(value.bytes);
    default:
      throw unreadable(file, `has a value of the type "${value.type}", which is not supported`);
  }
}

const NUMBER = /^-?\d+(\.\d+)?$/;

/** Compact, with the keys in the order of the file and each number with its digits. */
function jsonOf(file: string, value: Plain): string {
  if (value.kind === "list") return `[${value.items.map((item) => jsonOf(file, item)).join(",")}]`;
  if (value.kind === "branch") {
    const fields = value.entries.map(
      ([key, inner]) => `${JSON.stringify(key)}:${jsonOf(file, inner)}`,
    );
    return `{${fields.join(",")}}`;
  }
  const { type, bytes } = value;
  const text = bytes.toString();
  if (type === "null") return "null";
  if (type === "bool" && (text === "True" || text === "False")) return text.toLowerCase();
  if ((type === "int" || type === "float") && NUMBER.test(text)) return text;
  if ((type === "str" || type === "time" || type === "bytes") && isUtf8(bytes)) {
    return JSON.stringify(text);
  }
  throw unreadable(file, `has a value of the type "${type}" that is no JSON`);
}
