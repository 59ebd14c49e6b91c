/**
 * The tree between YAML and the canonical model. Every node knows where it was
 * written, so that a value can be traced to its line after merging and rewriting.
 */
import type { Position } from "../model/errors.ts";
import type { Json } from "../model/project.ts";

export interface Origin extends Position {
  /** Stands in a compose file as it is: no variable went into it. */
  readonly literal: boolean;
}

export type ScalarValue = null | boolean | number | bigint | string;
export type Path = readonly (string | number)[];

interface Base {
  readonly at: Origin;
  /** Of an entry of a mapping: where its key stands. */
  readonly keyAt?: Origin;
  /** `!reset` removes what earlier files said at this place, `!override` replaces it. */
  readonly tag?: "reset" | "override";
}

export interface Scalar extends Base {
  readonly kind: "scalar";
  readonly value: ScalarValue;
  /** How Compose writes this value where text is expected: `0440` becomes `288`. */
  readonly text: string;
  readonly timestamp?: true;
  /** A number that was written with a fraction or an exponent, though it may be whole: `1e3`. */
  readonly float?: true;
}

export interface Mapping extends Base {
  readonly kind: "mapping";
  readonly entries: ReadonlyMap<string, Node>;
}

export interface Sequence extends Base {
  readonly kind: "sequence";
  readonly items: readonly Node[];
}

export type Node = Scalar | Mapping | Sequence;

export function scalar(value: ScalarValue, at: Origin): Scalar {
  return { kind: "scalar", value, text: value === null ? "" : String(value), at };
}

export function mapping(entries: Iterable<readonly [string, Node]>, at: Origin): Mapping {
  return { kind: "mapping", entries: new Map(entries), at };
}

export function sequence(items: readonly Node[], at: Origin): Sequence {
  return { kind: "sequence", items, at };
}

export function isNull(node: Node): boolean {
  return node.kind === "scalar" && node.value === null;
}

/** The node at a path, if the path leads somewhere. */
export function get(node: Node | undefined, ...path: Path): Node | undefined {
  let here = node;
  for (const key of path) {
    if (here?.kind === "mapping") here = here.entries.get(String(key));
    else if (here?.kind === "sequence" && typeof key === "number") here = here.items[key];
    else return undefined;
  }
  return here;
}

export function textAt(node: Node | undefined, ...path: Path): string | undefined {
  const found = get(node, ...path);
  return found?.kind === "scalar" && found.value !== null ? found.text : undefined;
}

export function entriesOf(node: Node | undefined): ReadonlyMap<string, Node> {
  return node?.kind === "mapping" ? node.entries : NO_ENTRIES;
}

export function itemsOf(node: Node | undefined): readonly Node[] {
  return node?.kind === "sequence" ? node.items : [];
}

const NO_ENTRIES: ReadonlyMap<string, Node> = new Map();

/** The mapping with one entry set, or removed when `value` is undefined. */
export function withEntry(node: Mapping, key: string, value: Node | undefined): Mapping {
  const entries = new Map(node.entries);
  if (value === undefined) entries.delete(key);
  else entries.set(key, value);
  return { ...node, entries };
}

/** Applies `change` to each entry of a mapping; anything else stays as it is. */
export function mapEntries(node: Node, change: (value: Node, key: string) => Node): Node {
  if (node.kind !== "mapping") return node;
  return { ...node, entries: new Map([...node.entries].map(([k, v]) => [k, change(v, k)])) };
}

/** Replaces what lies at one key of a mapping, if it is there. */
export function changeEntry(node: Node, key: string, change: (value: Node) => Node): Node {
  if (node.kind !== "mapping") return node;
  const value = node.entries.get(key);
  return value === undefined ? node : withEntry(node, key, change(value));
}

export function toJson(node: Node): Json {
  if (node.kind === "scalar") {
    return typeof node.value === "bigint" ? Number(node.value) : node.value;
  }
  if (node.kind === "sequence") return node.items.map(toJson);
  return Object.fromEntries([...node.entries].map(([key, value]) => [key, toJson(value)]));
}

/** A node for each part of a plain value, all with the same origin. */
export function fromJson(value: Json, at: Origin): Node {
  if (Array.isArray(value)) {
    return sequence(
      (value as readonly Json[]).map((item) => fromJson(item, at)),
      at,
    );
  }
  if (value !== null && typeof value === "object") {
    return mapping(
      Object.entries(value).map(([k, v]) => [k, fromJson(v, at)] as const),
      at,
    );
  }
  return scalar(value, at);
}

/** `services.web.ports[0]`, as messages name a place. */
export function showPath(path: Path): string {
  return path.reduce<string>(
    (text, key) =>
      typeof key === "number" ? `${text}[${key}]` : text === "" ? key : `${text}.${key}`,
    "",
  );
}
