/** Sizes, durations, modes and numbers. */
import { invalidAt } from "../fault.ts";
import { scalar, textAt } from "../node.ts";
import type { Node, Path, Scalar } from "../node.ts";
import {
  float32,
  parseBytes,
  parseFlag,
  parseGoDuration,
  parseGoFloat,
  showGoDuration,
} from "../units.ts";

function parsed<T>(
  node: Node,
  path: Path,
  what: string,
  parse: (text: string, node: Scalar) => T | undefined,
): T | undefined {
  if (node.kind !== "scalar" || node.value === null) return undefined;
  const value = parse(node.text, node);
  if (value === undefined) throw invalidAt(path, `"${node.text}" is not ${what}`, node);
  return value;
}

const SIZE_HINT =
  "Write it without a point or an exponent, or as a text with a unit, such as 1.5g.";

export function bytes(node: Node, path: Path): Node {
  // Compose takes it for no size at all, and says nothing: a limit that somebody wrote would not be there.
  if (node.kind === "scalar" && node.float === true) {
    throw invalidAt(path, `${node.text} is not a whole number of bytes`, node, SIZE_HINT);
  }
  const size = parsed(node, path, "a size such as 64m", safeBytes);
  if (size === undefined) return node;
  return scalar(size === "0" ? 0 : size, node.at);
}

function safeBytes(source: string, node: Scalar): string | undefined {
  if (typeof node.value === "number") return node.text;
  const size = parseBytes(source);
  return size === undefined || size > Number.MAX_SAFE_INTEGER ? undefined : String(size);
}

export function swapBytes(node: Node, path: Path): Node {
  return textAt(node) === "-1" ? scalar("-1", node.at) : bytes(node, path);
}

export function duration(node: Node, path: Path): Node {
  const length = parsed(node, path, "a duration such as 1m30s", parseGoDuration);
  return length === undefined ? node : scalar(showGoDuration(length), node.at);
}

export function mode(node: Node, path: Path): Node {
  const bits = parsed(node, path, "a file mode such as 0440", (source, { value, float }) => {
    if (typeof value === "number") return float === true ? undefined : value;
    return /^[0-7]+$/.test(source) ? parseInt(source, 8) : undefined;
  });
  return bits === undefined ? node : scalar(`0${bits.toString(8)}`, node.at);
}

/** A number, not a text that says one; what is behind its point is dropped. */
export function integer(node: Node, path: Path): Node {
  const value = parsed(node, path, "a whole number", (_, { value }) =>
    typeof value === "number" ? Math.trunc(value) : undefined,
  );
  return value === undefined ? node : scalar(value, node.at);
}

/** The same, or a text that says a whole number. */
export function lenientInteger(node: Node, path: Path): Node {
  return node.kind === "scalar" && typeof node.value === "string"
    ? whole(node, path)
    : integer(node, path);
}

/** Of a resource: one number, or a mapping of two. */
export function limit(node: Node, path: Path): Node {
  if (node.kind === "scalar" && node.float === true) {
    throw invalidAt(
      path,
      "expected a whole number",
      node,
      "Write it without a point or an exponent.",
    );
  }
  return node;
}

export function unsigned(node: Node, path: Path): Node {
  const value = integer(node, path);
  if (Number(textAt(value) ?? 0) < 0) throw invalidAt(path, "must be 0 or more", node);
  return value;
}

export function flag(node: Node, path: Path): Node {
  const value = parsed(node, path, "true or false", parseFlag);
  return value === undefined ? node : scalar(value, node.at);
}

export function single(node: Node): Node {
  return node.kind === "scalar" && typeof node.value === "number"
    ? scalar(float32(node.value), node.at)
    : node;
}

export function cores(node: Node, path: Path): Node {
  const amount = parsed(node, path, "a number of processors", parseGoFloat);
  return amount === undefined ? node : scalar(float32(amount), node.at);
}

export function whole(node: Node, path: Path): Node {
  const amount = parsed(node, path, "a whole number", (source) =>
    /^[-+]?\d+$/.test(source) ? Number(source) : undefined,
  );
  return amount === undefined ? node : scalar(amount, node.at);
}

export function count(node: Node, path: Path): Node {
  if (textAt(node) === "all") return scalar(-1, node.at);
  return whole(node, path);
}
