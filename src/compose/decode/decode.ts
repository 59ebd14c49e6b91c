/** Gives every field its one type: sizes in bytes, Go durations, lists of text, maps of text. */
import {
  bytes,
  cores,
  count,
  duration,
  flag,
  limit,
  integer,
  lenientInteger,
  mode,
  single,
  swapBytes,
  unsigned,
  whole,
} from "./amounts.ts";
import {
  capitalise,
  environment,
  extraHosts,
  healthTest,
  keyList,
  labels,
  option,
  plainText,
  text,
  textList,
  words,
} from "./lists.ts";
import { invalidAt } from "../fault.ts";
import { isNull, mapping } from "../node.ts";
import type { Mapping, Node, Path } from "../node.ts";
import { rewrite, rules } from "../rules.ts";
import type { Rewrite } from "../rules.ts";

type Decode = Rewrite<undefined>;

const device: Readonly<Record<string, Decode>> = { count, options: labels };

const RESOURCES: Readonly<Record<string, Decode>> = {
  cpus: cores,
  memory: bytes,
  pids: whole,
  ...below("devices.*", device),
  "generic_resources.*.discrete_resource_spec.value": lenientInteger,
};

const UPDATE: Readonly<Record<string, Decode>> = {
  delay: duration,
  max_failure_ratio: single,
  monitor: duration,
};

const SERVICE: Readonly<Record<string, Decode>> = {
  annotations: labels,
  attach: flag,
  "blkio_config.*.*": capitalise,
  "blkio_config.*.*.rate": bytes,
  "blkio_config.*.*.weight": unsigned,
  "blkio_config.weight": unsigned,
  "build.additional_contexts": labels,
  "build.args": environment,
  "build.extra_hosts": extraHosts,
  "build.labels": labels,
  "build.provenance": text,
  "build.sbom": text,
  "build.secrets.*.mode": mode,
  "build.shm_size": bytes,
  "build.ssh": keyList,
  "build.ulimits.*": limit,
  command: words,
  "configs.*.mode": mode,
  cpu_percent: single,
  cpu_period: integer,
  cpu_quota: integer,
  cpu_rt_period: integer,
  cpu_rt_runtime: integer,
  cpu_shares: integer,
  cpus: single,
  "deploy.labels": labels,
  "deploy.placement.max_replicas_per_node": unsigned,
  ...below("deploy.resources.limits", RESOURCES),
  ...below("deploy.resources.reservations", RESOURCES),
  "deploy.restart_policy.delay": duration,
  "deploy.restart_policy.max_attempts": unsigned,
  "deploy.restart_policy.window": duration,
  ...below("deploy.rollback_config", UPDATE),
  ...below("deploy.update_config", UPDATE),
  "develop.watch.*.exec.command": words,
  "develop.watch.*.exec.environment": environment,
  "develop.watch.*.exec.privileged": flag,
  entrypoint: words,
  environment,
  "env_file.*.required": flag,
  "expose.*": text,
  extra_hosts: extraHosts,
  ...below("gpus.*", device),
  "group_add.*": plainText,
  "healthcheck.interval": duration,
  "healthcheck.retries": unsigned,
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
  "networks.*.gw_priority": integer,
  "networks.*.priority": integer,
  pids_limit: integer,
  "ports.*.published": plainText,
  "ports.*.target": unsigned,
  per_replica: flag,
  "post_start.*.command": words,
  "post_start.*.environment": environment,
  "post_start.*.privileged": flag,
  "pre_stop.*.command": words,
  "pre_stop.*.environment": environment,
  "pre_stop.*.privileged": flag,
  "provider.options.*": textList,
  "secrets.*.mode": mode,
  shm_size: bytes,
  stop_grace_period: duration,
  "storage_opt.*": option,
  sysctls: labels,
  "ulimits.*": limit,
  "volumes.*.tmpfs.mode": integer,
  "volumes.*.tmpfs.size": bytes,
  "volumes.*.volume.labels": labels,
};

const DECODE = rules<Decode>({
  ...below("services.*", SERVICE),
  "configs.*.labels": labels,
  "networks.*": filled,
  "networks.*.driver_opts": labels,
  "networks.*.ipam.options": labels,
  "networks.*.labels": labels,
  "secrets.*.driver_opts": labels,
  "secrets.*.labels": labels,
  "volumes.*": filled,
  "volumes.*.driver_opts": labels,
  "volumes.*.labels": labels,
});

/** A resource of which only the name is said. */
function filled(node: Node): Node {
  return isNull(node) ? mapping([], node.at) : node;
}

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
