/** Values that Compose fills in where a file leaves them out. */
import { entriesOf, scalar, textAt, withEntry } from "../node.ts";
import type { Mapping, Node, ScalarValue } from "../node.ts";
import { rewrite, rules } from "../rules.ts";
import type { Rewrite } from "../rules.ts";

const DEFAULTS = rules<Rewrite<undefined>>({
  "services.*.build": fallback("context", "."),
  "services.*.deploy.resources.reservations.devices.*": deviceCount,
  "services.*.gpus.*": deviceCount,
  "services.*.ports.*": (node) => fallback("protocol", "tcp")(fallback("mode", "ingress")(node)),
  "services.*.secrets.*": secretTarget,
});

export function setDefaults(document: Mapping): Mapping {
  return rewrite(document, DEFAULTS, undefined) as Mapping;
}

function fallback(key: string, value: ScalarValue): (node: Node) => Node {
  return (node) =>
    node.kind === "mapping" && !node.entries.has(key)
      ? withEntry(node, key, scalar(value, node.at))
      : node;
}

function deviceCount(node: Node): Node {
  const given = entriesOf(node);
  return given.has("count") || given.has("device_ids") ? node : fallback("count", "all")(node);
}

function secretTarget(node: Node): Node {
  return fallback("target", `/run/secrets/${textAt(node, "source") ?? ""}`)(node);
}
