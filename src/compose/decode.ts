/** Gives every field its one type: sizes in bytes, Go durations, lists of text, maps of text. */
import { invalidAt } from "./fault.ts";
import { entriesOf, isNull, itemsOf, mapping, scalar, sequence, textAt } from "./node.ts";
import type { Mapping, Node, Path, Scalar } from "./node.ts";
import { assignmentsToMapping } from "./canonical/services.ts";
import { rewrite, rules } from "./rules.ts";
import type { Rewrite } from "./rules.ts";
import { float32, parseBytes, parseGoDuration, showGoDuration, splitWords } from "./units.ts";

type Decode = Rewrite<undefined>;

const device: Readonly<Record<string, Decode>> = { count, options: labels };

const RESOURCES: Readonly<Record<string, Decode>> = {
  cpus: cores,
  memory: bytes,
  pids: whole,
  ...below("devices.*", device),
  "generic_resources.*.discrete_resource_spec.value": whole,
};

const UPDATE: Readonly<Record<string, Decode>> = { delay: duration, monitor: duration };

const SERVICE: Readonly<Record<string, Decode>> = {
  annotations: labels,
  "blkio_config.*.*": capitalise,
  "blkio_config.*.*.rate": bytes,
  "blkio_config.*.*.weight": whole,
  "build.additional_contexts": labels,
  "build.args": environment,
  "build.extra_hosts": extraHosts,
  "build.labels": labels,
  "build.provenance": text,
  "build.sbom": text,
  "build.secrets.*.mode": mode,
  "build.shm_size": bytes,
  "build.ssh": keyList,
  command: words,
  "configs.*.mode": mode,
  cpu_percent: single,
  cpus: single,
  "deploy.labels": labels,
  ...below("deploy.resources.limits", RESOURCES),
  ...below("deploy.resources.reservations", RESOURCES),
  "deploy.restart_policy.delay": duration,
  "deploy.restart_policy.window": duration,
  ...below("deploy.rollback_config", UPDATE),
  ...below("deploy.update_config", UPDATE),
  "develop.watch.*.exec.command": words,
  "develop.watch.*.exec.environment": environment,
  entrypoint: words,
  environment,
  "expose.*": text,
  extra_hosts: extraHosts,
  ...below("gpus.*", device),
  "group_add.*": text,
  "healthcheck.interval": duration,
  "healthcheck.start_interval": duration,
  "healthcheck.start_period": duration,
  "healthcheck.test": healthTest,
  "healthcheck.timeout": duration,
  labels,
  "logging.options": labels,
  mem_limit: bytes,
  mem_reservation: bytes,
  mem_swappiness: bytes,
  memswap_limit: swapBytes,
  "networks.*.driver_opts": labels,
  "post_start.*.command": words,
  "post_start.*.environment": environment,
  "pre_start.*.command": words,
  "pre_start.*.environment": environment,
  "pre_stop.*.command": words,
  "pre_stop.*.environment": environment,
  "provider.options.*": textList,
  "secrets.*.mode": mode,
  shm_size: bytes,
  stop_grace_period: duration,
  "storage_opt.*": text,
  sysctls: labels,
  "volumes.*.tmpfs.mode": mode,
  "volumes.*.tmpfs.size": bytes,
  "volumes.*.volume.labels": labels,
};

const DECODE = rules<Decode>({
  ...below("services.*", SERVICE),
  "configs.*.labels": labels,
  "networks.*.driver_opts": labels,
  "networks.*.ipam.options": labels,
  "networks.*.labels": labels,
  "secrets.*.driver_opts": labels,
  "secrets.*.labels": labels,
  "volumes.*.driver_opts": labels,
  "volumes.*.labels": labels,
});

function below(
  prefix: string,
  table: Readonly<Record<string, Decode>>,
): Readonly<Record<string, Decode>> {
  return Object.fromEntries(
    Object.entries(table).map(([path, rule]) => [`${prefix}.${path}`, rule]),
  );
}

/** Rejects with `compose-invalid` on a value that its field cannot have. */
export function decode(document: Mapping): Mapping {
  const decoded = rewrite(document, DECODE, undefined) as Mapping;
  refuseTimestamps(decoded, []);
  return decoded;
}

/** An unquoted date is a timestamp to Compose, which only maps of text can take. */
function refuseTimestamps(node: Node, path: Path): void {
  if (node.kind === "scalar") {
    if (node.timestamp === true)
      throw invalidAt(path, "expected text", node, "Put the date in quotes.");
    return;
  }
  if (node.kind === "sequence") {
    node.items.forEach((item, i) => refuseTimestamps(item, [...path, i]));
    return;
  }
  for (const [key, value] of node.entries) {
    if (!key.startsWith("x-")) refuseTimestamps(value, [...path, key]);
  }
}

function text(node: Node): Node {
  return node.kind === "scalar" && !isNull(node) ? scalar(node.text, node.at) : node;
}

function textList(node: Node): Node {
  const items = node.kind === "sequence" ? node.items : [node];
  return sequence(items.map(text), node.at);
}

function labels(node: Node, path: Path): Node {
  const named = namedValues(node, path);
  if (named.kind !== "mapping") return named;
  const entries = [...named.entries].map(
    ([key, value]) => [key, isNull(value) ? scalar("", value.at) : text(value)] as const,
  );
  return { ...named, entries: new Map(entries) };
}

function environment(node: Node, path: Path): Node {
  const named = namedValues(node, path);
  for (const [key, value] of entriesOf(named)) {
    if (/\s$/.test(key)) throw invalidAt(path, `the name "${key}" ends with a space`, value);
  }
  if (named.kind !== "mapping") return named;
  return { ...named, entries: new Map([...named.entries].map(([k, v]) => [k, text(v)])) };
}

/** `id` or `id=path`. */
function keyList(node: Node): Node {
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

function bytes(node: Node, path: Path): Node {
  const size = parsed(node, path, "a size such as 64m", safeBytes);
  if (size === undefined) return node;
  return scalar(size === "0" ? 0 : size, node.at);
}

/** Text, because sizes go beyond what a JSON number holds. */
function safeBytes(source: string, node: Scalar): string | undefined {
  if (typeof node.value === "number") return String(Math.trunc(node.value));
  const size = parseBytes(source);
  return size === undefined || size > Number.MAX_SAFE_INTEGER ? undefined : String(size);
}

function swapBytes(node: Node, path: Path): Node {
  return textAt(node) === "-1" ? scalar("-1", node.at) : bytes(node, path);
}

function duration(node: Node, path: Path): Node {
  const length = parsed(node, path, "a duration such as 1m30s", parseGoDuration);
  return length === undefined ? node : scalar(showGoDuration(length), node.at);
}

function mode(node: Node, path: Path): Node {
  const bits = parsed(node, path, "a file mode such as 0440", (source, { value }) => {
    if (typeof value === "number") return value;
    return /^[0-7]+$/.test(source) ? parseInt(source, 8) : undefined;
  });
  return bits === undefined ? node : scalar(`0${bits.toString(8)}`, node.at);
}

function single(node: Node): Node {
  return node.kind === "scalar" && typeof node.value === "number"
    ? scalar(float32(node.value), node.at)
    : node;
}

function cores(node: Node, path: Path): Node {
  const amount = parsed(node, path, "a number of processors", (source) =>
    /^-?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?$/.test(source) ? Number(source) : undefined,
  );
  return amount === undefined ? node : scalar(float32(amount), node.at);
}

function whole(node: Node, path: Path): Node {
  const amount = parsed(node, path, "a whole number", (source) =>
    /^[-+]?\d+$/.test(source) ? Number(source) : undefined,
  );
  return amount === undefined ? node : scalar(amount, node.at);
}

function count(node: Node, path: Path): Node {
  if (textAt(node) === "all") return scalar(-1, node.at);
  return whole(node, path);
}

function words(node: Node, path: Path): Node {
  if (node.kind !== "scalar" || node.value === null) return node;
  const split = splitWords(node.text);
  if (split === undefined) {
    throw invalidAt(path, "a quote does not end", node, "Use the list form, or close the quote.");
  }
  return sequence(
    split.map((word) => scalar(word, node.at)),
    node.at,
  );
}

function healthTest(node: Node): Node {
  if (node.kind !== "scalar" || node.value === null) return node;
  return sequence([scalar("CMD-SHELL", node.at), node], node.at);
}

function extraHosts(node: Node, path: Path): Node {
  const hosts =
    node.kind === "mapping"
      ? [...node.entries].flatMap(([host, value]) =>
          (value.kind === "sequence" ? value.items : [value]).flatMap((ips) =>
            hostEntries(host, ips, path),
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
  const host = cut < 0 ? source : source.slice(0, cut);
  return hostEntries(host, scalar(cut < 0 ? "" : source.slice(cut + 1), item.at), path);
}

function hostEntries(host: string, addresses: Node, path: Path): readonly Scalar[] {
  return (textAt(addresses) ?? "").split(",").map((address) => {
    const ip = address.replace(/^\[(.*)\]$/, "$1");
    if (ip !== "") return scalar(`${host}=${ip}`, addresses.at);
    throw invalidAt(path, `"${host}" has no address`, addresses, "Write host=address.");
  });
}

/** Keys that Compose writes with a capital in its own model. */
function capitalise(node: Node): Node {
  if (node.kind !== "mapping") return node;
  const entries = [...node.entries].map(
    ([key, value]) => [key.charAt(0).toUpperCase() + key.slice(1), value] as const,
  );
  return mapping(entries, node.at);
}
