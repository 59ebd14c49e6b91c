/** Lists and maps of text, in whichever form they were written. */
import { assignmentsToMapping } from "../canonical/services.ts";
import { invalidAt } from "../fault.ts";
import { entriesOf, isNull, itemsOf, mapping, scalar, sequence, textAt } from "../node.ts";
import type { Node, Path, Scalar } from "../node.ts";
import { splitWords } from "../units.ts";

export function text(node: Node): Node {
  return node.kind === "scalar" && !isNull(node) ? scalar(node.text, node.at) : node;
}

/** Text, or a whole number as text. */
export function plainText(node: Node, path: Path): Node {
  const odd = node.kind === "scalar" && (node.float === true || typeof node.value === "boolean");
  if (odd) throw invalidAt(path, "expected text", node, "Put the value in quotes.");
  return text(node);
}

/** The same where there is nothing: an empty text. */
export function option(node: Node, path: Path): Node {
  if (node.kind !== "scalar") throw invalidAt(path, "expected text", node);
  return isNull(node) ? scalar("", node.at) : plainText(node, path);
}

export function textList(node: Node): Node {
  const items = node.kind === "sequence" ? node.items : [node];
  return sequence(items.map(text), node.at);
}

export function labels(node: Node, path: Path): Node {
  const named = namedValues(node, path);
  if (named.kind !== "mapping") return named;
  const entries = [...named.entries].map(
    ([key, value]) => [key, isNull(value) ? scalar("", value.at) : text(value)] as const,
  );
  return { ...named, entries: new Map(entries) };
}

export function environment(node: Node, path: Path): Node {
  const named = namedValues(node, path);
  // In a list the space may be meant as the text's own layout; a key of a mapping says what it is.
  for (const [key, value] of node.kind === "sequence" ? entriesOf(named) : []) {
    if (/\s$/.test(key)) throw invalidAt(path, `the name "${key}" ends with a space`, value);
  }
  if (named.kind !== "mapping") return named;
  return { ...named, entries: new Map([...named.entries].map(([k, v]) => [k, text(v)])) };
}

export function keyList(node: Node): Node {
  const items = [...entriesOf(assignmentsToMapping(node))].map(([id, path]) =>
    scalar(textAt(path) ? `${id}=${textAt(path)}` : id, path.at),
  );
  return sequence(items, node.at);
}

function namedValues(node: Node, path: Path): Node {
  if (node.kind === "sequence") {
    const odd = node.items.find((item) => item.kind !== "scalar" || typeof item.value !== "string");
    if (odd !== undefined) throw invalidAt(path, "expected a list of text", odd, "Use KEY=value.");
  }
  return assignmentsToMapping(node);
}

export function words(node: Node, path: Path): Node {
  if (node.kind !== "scalar" || node.value === null || node.timestamp === true) return node;
  const split = splitWords(node.text);
  if (split === undefined) {
    throw invalidAt(path, "a quote does not end", node, "Use the list form, or close the quote.");
  }
  return sequence(
    split.map((word) => scalar(word, node.at)),
    node.at,
  );
}

export function healthTest(node: Node): Node {
  if (node.kind !== "scalar" || node.value === null) return node;
  return sequence([scalar("CMD-SHELL", node.at), node], node.at);
}

export function extraHosts(node: Node, path: Path): Node {
  const hosts =
    node.kind === "mapping"
      ? [...node.entries].flatMap(([host, value]) =>
          (value.kind === "sequence" ? value.items : [value]).map((address) =>
            hostEntry(host, textAt(address) ?? "", address, path),
          ),
        )
      : itemsOf(node).flatMap((item) => splitHost(item, path));
  return sequence(
    hosts.toSorted((a, b) => (a.text < b.text ? -1 : 1)),
    node.at,
  );
}

function splitHost(item: Node, path: Path): readonly Scalar[] {
  const source = textAt(item) ?? "";
  const cut = source.includes("=") ? source.indexOf("=") : source.indexOf(":");
  if (cut < 0) throw invalidAt(path, `"${source}" has no address`, item, "Write host=address.");
  const addresses = source.slice(cut + 1).split(",");
  return addresses.map((address) => hostEntry(source.slice(0, cut), address, item, path));
}

function hostEntry(host: string, address: string, node: Node, path: Path): Scalar {
  if (/^$|[:=]/.test(host)) throw invalidAt(path, `"${host}" is no name of a host`, node);
  return scalar(`${host}=${address.replace(/^\[(.+)\]$/, "$1")}`, node.at);
}

export function capitalise(node: Node): Node {
  if (node.kind !== "mapping") return node;
  const entries = [...node.entries].map(
    ([key, value]) => [key.charAt(0).toUpperCase() + key.slice(1), value] as const,
  );
  return mapping(entries, node.at);
}
