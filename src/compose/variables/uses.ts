/** Which variables a model asks for, and what stands in for those that are not set. */
import { invalidAt } from "../fault.ts";
import type { Mapping, Node, Path } from "../node.ts";
import { byUtf8 } from "../order.ts";
import { type Use, usesIn } from "./template.ts";

/**
 * Of a document with its variables as they are written; sorted by name. One that is required at some place
 * is required; of several words the first of its kind counts. Rejects with `compose-invalid` on a text that
 * is no template.
 */
export function variablesOf(document: Mapping): readonly Use[] {
  const known = new Map<string, Use>();
  for (const use of usesOf(document, [])) {
    const { name, required, fallback, alternate } = known.get(use.name) ?? use;
    known.set(name, {
      name,
      required: required || use.required,
      fallback: fallback || use.fallback,
      alternate: alternate || use.alternate,
    });
  }
  return [...known.values()].toSorted((a, b) => byUtf8(a.name, b.name));
}

function* usesOf(node: Node, path: Path): Generator<Use> {
  if (node.kind === "mapping") {
    for (const [key, value] of node.entries) yield* usesOf(value, [...path, key]);
  } else if (node.kind === "sequence") {
    for (const [index, item] of node.items.entries()) yield* usesOf(item, [...path, index]);
  } else if (typeof node.value === "string") {
    const { uses, fault } = usesIn(node.value);
    if (fault !== undefined) throw invalidAt(path, fault, node);
    yield* uses;
  }
}
