/** Puts one document over another: mappings deeply, lists appended, scalars replaced. */
import { invalidAt } from "../fault.ts";
import { fromJson, get, isNull, mapping, scalar, sequence, textAt, toJson } from "../node.ts";
import type { Mapping, Node, Path, Scalar, Sequence } from "../node.ts";
import { rules, step } from "../rules.ts";
import type { Rules } from "../rules.ts";
import type { Json } from "../../model/project.ts";

type Merge = (base: Node, over: Node, path: Path) => Node;

const SERVICE: Readonly<Record<string, Merge>> = {
  annotations: asSequences,
  build: mergeBuild,
  "build.additional_contexts": asSequences,
  "build.args": asSequences,
  "build.extra_hosts": joinSequences,
  "build.labels": asSequences,
  command: replace,
  depends_on: mergeDependsOn,
  "deploy.labels": asSequences,
  dns: joinSequences,
  dns_opt: joinSequences,
  dns_search: joinSequences,
  entrypoint: replace,
  env_file: joinSequences,
  environment: asSequences,
  extra_hosts: joinSequences,
  "healthcheck.test": replace,
  label_file: joinSequences,
  labels: asSequences,
  logging: mergeLogging,
  models: (base, over, path) => mergeNamed(base, over, null, path),
  networks: (base, over, path) => mergeNamed(base, over, null, path),
  sysctls: asSequences,
  tmpfs: joinSequences,
  "ulimits.*": mergeUlimit,
  "volumes.*.volume.labels": asSequences,
};

const SPECIAL: Rules<Merge> = rules({
  ...Object.fromEntries(
    Object.entries(SERVICE).map(([path, merge]) => [`services.*.${path}`, merge]),
  ),
  "configs.*.labels": asSequences,
  "networks.*.ipam.config": mergeIpamConfig,
  "networks.*.labels": asSequences,
  "secrets.*.labels": asSequences,
  "volumes.*.labels": asSequences,
});

/** Rejects with `compose-invalid` when the two sides cannot be joined. */
export function merge(base: Mapping, over: Mapping): Mapping {
  return mergeMappings(withoutReplaced(base, over), withoutMarks(over), SPECIAL, []);
}

/** Merges one service over another, as `extends` does. */
export function mergeService(base: Mapping, over: Mapping, name: string): Mapping {
  const table = step(step(SPECIAL, "services"), name);
  const kept = withoutReplaced(base, over);
  return mergeMappings(kept, withoutMarks(over), table, ["services", name]);
}

/** The base without what the other side resets or overrides. */
function withoutReplaced(base: Mapping, over: Mapping): Mapping {
  const entries = new Map(base.entries);
  for (const [key, value] of over.entries) {
    const old = entries.get(key);
    if (value.tag !== undefined) entries.delete(key);
    else if (old?.kind === "mapping" && value.kind === "mapping") {
      entries.set(key, withoutReplaced(old, value));
    }
  }
  return { ...base, entries };
}

function mergeNodes(base: Node, over: Node, table: Rules<Merge> | undefined, path: Path): Node {
  if (isNull(base)) return over;
  if (table?.rule !== undefined) return table.rule(base, over, path);
  if (isNull(over)) return base;
  if (base.kind === "scalar") return over;
  if (base.kind === "mapping" && over.kind === "mapping") {
    return mergeMappings(base, over, table, path);
  }
  if (base.kind === "sequence" && over.kind === "sequence") return append(base, over);
  throw invalidAt(path, "cannot be merged with what an earlier file says", over, KIND_HINT);
}

const KIND_HINT = "Use the same form in both files, or !override.";

function mergeMappings(
  base: Mapping,
  over: Mapping,
  table: Rules<Merge> | undefined,
  path: Path,
): Mapping {
  const entries = new Map(base.entries);
  for (const [key, value] of over.entries) {
    const old = entries.get(key);
    const merged = old && mergeNodes(old, value, step(table, key), [...path, key]);
    entries.set(key, merged ?? value);
  }
  return { ...base, entries, at: over.at };
}

/** Takes `!reset` entries out and forgets `!override`. */
export function withoutMarks<N extends Node>(node: N): N {
  if (node.kind === "scalar") return unmarked(node);
  if (node.kind === "sequence") return unmarked({ ...node, items: node.items.map(withoutMarks) });
  const kept = [...node.entries].filter(([, value]) => value.tag !== "reset");
  return unmarked({
    ...node,
    entries: new Map(kept.map(([key, value]) => [key, withoutMarks(value)])),
  });
}

function unmarked<N extends Node>({ tag: _, ...node }: N): N {
  return node as N;
}

function replace(_: Node, over: Node): Node {
  return over;
}

/** An item that is there already is not meant twice. */
function append(base: Sequence, over: Sequence): Sequence {
  const known = new Set(base.items.map(contentOf));
  const fresh = over.items.filter((item) => {
    const content = contentOf(item);
    const isNew = !known.has(content);
    known.add(content);
    return isNew;
  });
  return { ...base, items: [...base.items, ...fresh] };
}

/** The same for the same content, in whatever order its keys stand. */
function contentOf(node: Node): string {
  if (node.kind === "scalar") return JSON.stringify(toJson(node));
  if (node.kind === "sequence") return `[${node.items.map(contentOf).join()}]`;
  const entries = [...node.entries].map(([key, one]) => `${JSON.stringify(key)}:${contentOf(one)}`);
  return `{${entries.toSorted().join()}}`;
}

/** Of a key that is there twice the last item counts, whichever came before it. */
function asSequences(base: Node, over: Node): Node {
  if (isNull(over)) return base;
  const first = toSequence(base);
  return { ...first, items: [...first.items, ...toSequence(over).items] };
}

function joinSequences(base: Node, over: Node): Node {
  return isNull(over) ? base : append(toSequence(base), toSequence(over));
}

/** `KEY: value` entries as `KEY=value` items, sorted; a lone text as a list of one. */
function toSequence(node: Node): Sequence {
  if (node.kind === "sequence") return node;
  if (node.kind === "scalar") return sequence([node], node.at);
  const items = [...node.entries].flatMap(([key, value]) =>
    (value.kind === "sequence" ? value.items : [value]).map((one) => assignment(key, one)),
  );
  return sequence(
    items.toSorted((a, b) => (a.text < b.text ? -1 : 1)),
    node.at,
  );
}

function assignment(key: string, value: Node): Scalar {
  const text = value.kind === "scalar" && value.value !== null ? `${key}=${value.text}` : key;
  return scalar(text, value.at);
}

function mergeBuild(base: Node, over: Node, path: Path): Node {
  if (isNull(over)) return base;
  const long = (node: Node) =>
    node.kind === "scalar" ? mapping([["context", node]], node.at) : node;
  return joinMappings(long(base), long(over), path);
}

/** Both sides as mappings, joined by the rules for what lies below them. */
function joinMappings(base: Node, over: Node, path: Path): Node {
  if (base.kind !== "mapping" || over.kind !== "mapping") {
    throw invalidAt(path, "cannot be merged with what an earlier file says", over, KIND_HINT);
  }
  const table = path.reduce<Rules<Merge> | undefined>((rule, key) => step(rule, key), SPECIAL);
  return mergeMappings(base, over, table, path);
}

function mergeNamed(base: Node, over: Node, entry: Json, path: Path): Node {
  if (isNull(over)) return base;
  const named = (node: Node) => {
    if (node.kind !== "sequence") return node;
    return mapping(
      node.items.map((item, i) => {
        if (item.kind === "scalar" && typeof item.value === "string") {
          return [item.text, fromJson(entry, item.at)] as const;
        }
        throw invalidAt([...path, i], "expected text", item);
      }),
      node.at,
    );
  };
  return joinMappings(named(base), named(over), path);
}

function mergeDependsOn(base: Node, over: Node, path: Path): Node {
  return mergeNamed(base, over, { condition: "service_started", required: true }, path);
}

function mergeLogging(base: Node, over: Node, path: Path): Node {
  if (base.kind !== "mapping" || over.kind !== "mapping") {
    throw invalidAt(path, "expected a mapping", over);
  }
  const before = textAt(base, "driver");
  const after = textAt(over, "driver");
  const same = before === after || before === undefined || after === undefined;
  return same ? joinMappings(base, over, path) : over;
}

function mergeUlimit(base: Node, over: Node, path: Path): Node {
  if (base.kind === "mapping" && over.kind === "mapping") return joinMappings(base, over, path);
  return over;
}

/** Entries of one subnet are one entry. */
function mergeIpamConfig(base: Node, over: Node, path: Path): Node {
  if (base.kind !== "sequence" || over.kind !== "sequence") {
    throw invalidAt(path, "expected a list", over);
  }
  const items = [...base.items];
  for (const added of over.items) {
    const subnet = textAt(added, "subnet");
    const index = items.findIndex((item) => textAt(item, "subnet") === subnet);
    const old = items[index];
    if (old === undefined || get(added, "subnet") === undefined) items.push(added);
    else items[index] = joinMappings(old, added, [...path, index]);
  }
  return { ...base, items };
}
