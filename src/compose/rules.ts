/** Tables keyed by a path of the compose model, where `*` stands for any key or index. */
import type { Node, Path } from "./node.ts";

export interface Rules<T> {
  readonly rule?: T;
  readonly below: ReadonlyMap<string, Rules<T>>;
}

/**
 * A job, and a container that runs before a service, have what a service has: what holds below
 * `services.*` holds below `jobs.*` and `services.*.pre_start.*`, too.
 */
export function rules<T>(table: Readonly<Record<string, T>>): Rules<T> {
  const root: MutableRules<T> = { below: new Map() };
  for (const [pattern, rule] of Object.entries(table)) {
    let here = root;
    for (const key of pattern.split(".")) {
      let next = here.below.get(key);
      if (next === undefined) here.below.set(key, (next = { below: new Map() }));
      here = next;
    }
    here.rule = rule;
  }
  const services = root.below.get("services");
  const service = services?.below.get("*");
  if (services !== undefined && service !== undefined) {
    const before = service.below.get("pre_start");
    service.below.set("pre_start", { ...before, below: new Map([["*", service]]) });
    root.below.set("jobs", { ...root.below.get("jobs"), below: services.below });
  }
  return root;
}

interface MutableRules<T> {
  rule?: T;
  readonly below: Map<string, MutableRules<T>>;
}

export function step<T>(table: Rules<T> | undefined, key: string | number): Rules<T> | undefined {
  return table?.below.get(String(key)) ?? table?.below.get("*");
}

export type Rewrite<C> = (node: Node, path: Path, context: C) => Node;

/** Rewrites every place that has a rule, children first. */
export function rewrite<C>(
  node: Node,
  table: Rules<Rewrite<C>> | undefined,
  context: C,
  path: Path = [],
): Node {
  if (table === undefined) return node;
  const inner = rewriteChildren(node, table, context, path);
  return table.rule === undefined ? inner : table.rule(inner, path, context);
}

function rewriteChildren<C>(node: Node, table: Rules<Rewrite<C>>, context: C, path: Path): Node {
  if (node.kind === "scalar" || table.below.size === 0) return node;
  const change = (value: Node, key: string | number) =>
    rewrite(value, step(table, key), context, [...path, key]);
  if (node.kind === "sequence") return { ...node, items: node.items.map(change) };
  return { ...node, entries: new Map([...node.entries].map(([k, v]) => [k, change(v, k)])) };
}
