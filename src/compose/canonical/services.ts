/** Short forms of a service's fields, rewritten to their long forms. */
import { invalidAt } from "../fault.ts";
import {
  fromJson,
  get,
  isNull,
  itemsOf,
  mapping,
  scalar,
  sequence,
  textAt,
  withEntry,
} from "../node.ts";
import type { Mapping, Node, Path } from "../node.ts";
import { cleanTarget, parseVolumeSpec } from "./volumeSpec.ts";

/** A lone text as a list of one. */
export function asList(node: Node): Node {
  return node.kind === "scalar" && !isNull(node) ? sequence([node], node.at) : node;
}

export function withoutEmpty(node: Node): Node {
  if (node.kind !== "sequence") return node;
  return { ...node, items: node.items.filter((item) => textAt(item) !== "" && !isNull(item)) };
}

/** A lone text as a mapping with that one key. */
export function asEntry(key: string): (node: Node) => Node {
  return (node) =>
    node.kind === "scalar" && typeof node.value === "string"
      ? mapping([[key, node]], node.at)
      : node;
}

/** A list of names as a mapping; `entry` is what each name gets. */
export function namesToMapping(entry: (at: Node["at"]) => Node): (node: Node) => Node {
  return (node) => {
    if (node.kind !== "sequence") return node;
    return mapping(
      node.items.map((item) => [textAt(item) ?? "", entry(item.at)] as const),
      node.at,
    );
  };
}

export function canonicalDependsOn(node: Node): Node {
  const started = { condition: "service_started", required: true };
  const named = namesToMapping((at) => fromJson(started, at))(node);
  if (named.kind !== "mapping") return named;
  const entries = [...named.entries].map(([name, entry]) => {
    const required = get(entry, "required");
    const complete = entry.kind === "mapping" && required === undefined;
    return [name, complete ? withEntry(entry, "required", scalar(true, entry.at)) : entry] as const;
  });
  return { ...named, entries: new Map(entries) };
}

export function canonicalEnvFile(node: Node): Node {
  if (isNull(node)) return node;
  const items = node.kind === "sequence" ? node.items : [node];
  return sequence(items.map(canonicalEnvEntry), node.at);
}

function canonicalEnvEntry(item: Node): Node {
  const required = scalar(true, item.at);
  if (item.kind === "scalar") {
    return mapping(
      [
        ["path", item],
        ["required", required],
      ],
      item.at,
    );
  }
  const missing = item.kind === "mapping" && !item.entries.has("required");
  return missing ? withEntry(item, "required", required) : item;
}

export function canonicalGpus(node: Node): Node {
  if (textAt(node) !== "all") return node;
  return sequence([mapping([["count", node]], node.at)], node.at);
}

/** `KEY=value` items as a mapping; an item without `=` gets nothing. */
export function assignmentsToMapping(node: Node): Node {
  if (node.kind !== "sequence") return node;
  return mapping(
    node.items.map((item) => {
      const text = textAt(item) ?? "";
      const cut = text.indexOf("=");
      const value = cut < 0 ? null : text.slice(cut + 1);
      return [cut < 0 ? text : text.slice(0, cut), scalar(value, item.at)] as const;
    }),
    node.at,
  );
}

/** A context has a name and a place. */
export function canonicalContexts(node: Node, path: Path): Node {
  for (const item of itemsOf(node)) {
    const text = textAt(item) ?? "";
    if (!text.includes("=")) {
      throw invalidAt(path, `"${text}" has no name`, item, "Write name=place.");
    }
  }
  return assignmentsToMapping(node);
}

export function canonicalDevice(node: Node, path: Path): Node {
  if (node.kind !== "scalar") return node;
  const [source = "", target, permissions, ...others] = node.text.split(":");
  if (others.length > 0) {
    throw invalidAt(path, `"${node.text}" is no device`, node, "Write source:target:permissions.");
  }
  const device = { source, target: target || source, permissions: permissions ?? "rwm" };
  return fromJson(device, node.at);
}

export function canonicalExtends(node: Node, path: Path): Node {
  if (isNull(node)) throw invalidAt(path, "expected text or a mapping", node, "Name a service.");
  return asEntry("service")(node);
}

export function canonicalVolume(node: Node, path: Path): Node {
  if (node.kind === "mapping") return cleanLongVolume(node);
  const text = textAt(node) ?? "";
  const spec = parseVolumeSpec(text);
  if ("fault" in spec) throw invalidAt(path, spec.fault, node, "Write source:target:options.");
  const { type, source, propagation, selinux } = spec;
  const bind = {
    ...(selinux === undefined ? {} : { selinux }),
    ...(propagation === undefined ? {} : { propagation }),
    create_host_path: true,
  };
  const bound = type === "bind" || selinux !== undefined || propagation !== undefined;
  const volume = spec.nocopy ? { nocopy: true } : {};
  // Compose writes no `volume` for a text that is too short to hold a colon.
  const named = spec.nocopy || (type === "volume" && text.length > 2);
  return fromJson(
    {
      type,
      ...(source === undefined ? {} : { source }),
      target: cleanTarget(spec.target),
      ...(spec.readOnly ? { read_only: true } : {}),
      ...(bound ? { bind } : {}),
      ...(named ? { volume } : {}),
    },
    node.at,
  );
}

function cleanLongVolume(node: Mapping): Mapping {
  const target = get(node, "target");
  if (target?.kind !== "scalar") return node;
  return withEntry(node, "target", scalar(cleanTarget(target.text), target.at));
}

/** `external: { name }` as `external: true` and `name`. */
export function canonicalExternal(node: Node, path: Path): Node {
  const external = get(node, "external");
  if (node.kind !== "mapping" || external === undefined) return node;
  if (external.kind !== "mapping") return node;
  const inner = get(external, "name");
  const outer = textAt(node, "name");
  if (inner !== undefined && outer !== undefined && outer !== textAt(inner)) {
    throw invalidAt(path, "name and external.name differ", inner, "Keep name: and external: true.");
  }
  const marked = withEntry(node, "external", scalar(true, external.at));
  return inner === undefined ? marked : withEntry(marked, "name", inner);
}
