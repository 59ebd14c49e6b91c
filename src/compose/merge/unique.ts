/** Lists whose items have a key: the last item of a key stays, at the place of the first. */
import { invalidAt } from "../fault.ts";
import { get, textAt } from "../node.ts";
import type { Mapping, Node, Path } from "../node.ts";
import { rewrite, rules } from "../rules.ts";
import type { Rewrite } from "../rules.ts";
import { parseVolumeSpec } from "../canonical/volumeSpec.ts";

type Index = (item: Node, path: Path) => string;

const SERVICE: Readonly<Record<string, Index>> = {
  annotations: byKey,
  "build.additional_contexts": byKey,
  "build.args": byKey,
  "build.cache_from": byText,
  "build.labels": byKey,
  "build.platforms": byText,
  "build.tags": byKey,
  cap_add: byKey,
  cap_drop: byKey,
  configs: byMount(""),
  "deploy.labels": byKey,
  devices: byDevice,
  dns: byKey,
  dns_opt: byKey,
  dns_search: byKey,
  env_file: byEnvFile,
  environment: byKey,
  expose: byExpose,
  labels: byKey,
  links: byKey,
  "networks.*.aliases": byKey,
  "networks.*.link_local_ips": byKey,
  ports: byPort,
  profiles: byKey,
  secrets: byMount("/run/secrets"),
  sysctls: byKey,
  tmpfs: byKey,
  volumes: byVolume,
};

const UNIQUE = rules<Rewrite<undefined>>({
  ...Object.fromEntries(
    Object.entries(SERVICE).map(([path, index]) => [`services.*.${path}`, uniqueBy(index)]),
  ),
  "configs.*.labels": uniqueBy(byKey),
  "networks.*.labels": uniqueBy(byKey),
  "secrets.*.labels": uniqueBy(byKey),
  "volumes.*.labels": uniqueBy(byKey),
});

export function unique(node: Mapping): Mapping {
  return rewrite(node, UNIQUE, undefined) as Mapping;
}

function uniqueBy(index: Index): Rewrite<undefined> {
  return (node, path) => {
    if (node.kind !== "sequence") return node;
    const byIndex = new Map<string, Node>();
    node.items.forEach((item, i) => byIndex.set(index(item, [...path, i]), item));
    return { ...node, items: [...byIndex.values()] };
  };
}

function byKey(item: Node, path: Path): string {
  if (item.kind === "scalar" && typeof item.value === "string") {
    return item.value.split("=", 1)[0] ?? "";
  }
  throw invalidAt(path, "expected text", item, "Put the value in quotes.");
}

function byText(item: Node, path: Path): string {
  const text = textAt(item);
  if (text === undefined) throw invalidAt(path, "expected text", item);
  return text;
}

function byExpose(item: Node, path: Path): string {
  if (item.kind === "scalar" && item.float !== true) return byText(item, path);
  throw invalidAt(path, "is no port", item, "Put it in quotes.");
}

function byMount(directory: string): Index {
  return (item, path) => {
    const target = textAt(item, "target");
    const source = textAt(item) ?? textAt(item, "source");
    if (source === undefined && target === undefined) {
      throw invalidAt(path, "source is missing", item);
    }
    return target ?? `${directory}/${source}`;
  };
}

function byVolume(item: Node, path: Path): string {
  if (item.kind === "mapping") return targetOf(item, path);
  const spec = parseVolumeSpec(textAt(item) ?? "");
  if ("fault" in spec) throw invalidAt(path, spec.fault, item);
  return spec.target;
}

function byDevice(item: Node, path: Path): string {
  if (item.kind === "mapping") return targetOf(item, path);
  const [source = "", target] = (textAt(item) ?? "").split(":");
  return target ?? source;
}

function targetOf(item: Mapping, path: Path): string {
  const target = textAt(item, "target");
  if (target === undefined) throw invalidAt(path, "target is missing", item);
  return target;
}

function byEnvFile(item: Node): string {
  return textAt(item) ?? textAt(item, "path") ?? "";
}

function byPort(item: Node, path: Path): string {
  if (item.kind !== "mapping") return textAt(item) ?? "";
  if (get(item, "target") === undefined) throw invalidAt(path, "target is missing", item);
  const host = textAt(item, "host_ip") ?? "0.0.0.0";
  const protocol = textAt(item, "protocol") ?? "tcp";
  const published = get(item, "published");
  // To Compose a number is another port than the same in quotes.
  const kind = published?.kind === "scalar" ? typeof published.value : "";
  return `${host}:${kind}:${textAt(published) ?? ""}:${textAt(item, "target")}/${protocol}`;
}
