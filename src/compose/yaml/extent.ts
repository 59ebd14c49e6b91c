import type { Node } from "../node.ts";

/** What an alias brings with it. */
export interface Extent {
  /** Of nodes, itself among them. */
  readonly size: number;
  /** Levels below it. */
  readonly depth: number;
}

/** Measures nodes, each of them once however often it is named. */
export function createExtents(): (node: Node) => Extent {
  const known = new Map<Node, Extent>();
  const extentOf = (node: Node): Extent => {
    if (node.kind === "scalar") return { size: 1, depth: 0 };
    const before = known.get(node);
    if (before !== undefined) return before;
    const children = node.kind === "mapping" ? [...node.entries.values()] : node.items;
    const extent = { size: 1, depth: 0 };
    for (const { size, depth } of children.map(extentOf)) {
      extent.size += size;
      extent.depth = Math.max(extent.depth, depth + 1);
    }
    known.set(node, extent);
    return extent;
  };
  return extentOf;
}
