/** Puts variables into a document and casts the texts of typed fields. */
import type { LoadWarning } from "../../model/project.ts";
import { invalidAt, place } from "../fault.ts";
import { mapEntries } from "../node.ts";
import type { Mapping, Node, Path, Scalar, ScalarValue } from "../node.ts";
import { rules, step } from "../rules.ts";
import type { Rules } from "../rules.ts";
import { substitute } from "./template.ts";
import type { Lookup } from "./template.ts";
import { parseFlag, parseGoFloat } from "../units.ts";

type Cast = (text: string) => ScalarValue | undefined;

const int: Cast = (text) =>
  /^[-+]?\d+$/.test(text) && Number.isSafeInteger(Number(text)) ? Number(text) : undefined;
const float: Cast = parseGoFloat;
const bool: Cast = parseFlag;

const SERVICE: Readonly<Record<string, Cast>> = {
  "build.no_cache": bool,
  "build.privileged": bool,
  "build.pull": bool,
  "build.ulimits.*": int,
  "build.ulimits.*.hard": int,
  "build.ulimits.*.soft": int,
  cpu_count: int,
  cpu_percent: float,
  cpu_period: int,
  cpu_quota: int,
  cpu_rt_period: int,
  cpu_rt_runtime: int,
  cpu_shares: int,
  cpus: float,
  "depends_on.*.required": bool,
  "depends_on.*.restart": bool,
  "deploy.placement.max_replicas_per_node": int,
  "deploy.replicas": int,
  "deploy.restart_policy.max_attempts": int,
  "deploy.rollback_config.max_failure_ratio": float,
  "deploy.rollback_config.parallelism": int,
  "deploy.update_config.max_failure_ratio": float,
  "deploy.update_config.parallelism": int,
  "healthcheck.disable": bool,
  "healthcheck.retries": int,
  init: bool,
  oom_kill_disable: bool,
  oom_score_adj: int,
  pids_limit: int,
  "ports.*.target": int,
  privileged: bool,
  read_only: bool,
  scale: int,
  stdin_open: bool,
  tty: bool,
  "ulimits.*": int,
  "ulimits.*.hard": int,
  "ulimits.*.soft": int,
  "volumes.*.bind.create_host_path": bool,
  "volumes.*.read_only": bool,
  "volumes.*.volume.nocopy": bool,
};

const TOP: Readonly<Record<string, Cast>> = {
  "configs.*.external": bool,
  "networks.*.attachable": bool,
  "networks.*.enable_ipv4": bool,
  "networks.*.enable_ipv6": bool,
  "networks.*.external": bool,
  "networks.*.internal": bool,
  "secrets.*.external": bool,
  "volumes.*.external": bool,
};

const under = (prefix: string, casts: Readonly<Record<string, Cast>>) =>
  Object.fromEntries(Object.entries(casts).map(([path, cast]) => [`${prefix}.${path}`, cast]));

const CASTS = rules({ ...under("services.*", SERVICE), ...TOP });
const KINDS: ReadonlyMap<Cast, string> = new Map([
  [int, "a whole number"],
  [float, "a number"],
  [bool, "true or false"],
]);

export interface Interpolation {
  readonly lookup: Lookup;
  readonly warn: (warning: LoadWarning) => void;
}

/** Rejects with `compose-invalid`: a text that is no template, a value that does not fit its field. */
export function interpolate(document: Mapping, options: Interpolation): Mapping {
  return interpolateNode(document, options, CASTS, []) as Mapping;
}

function interpolateNode(
  node: Node,
  options: Interpolation,
  table: Rules<Cast> | undefined,
  path: Path,
): Node {
  if (node.tag === "reset") return node;
  if (node.kind === "scalar") return interpolateScalar(node, options, table?.rule, path);
  const inner = (value: Node, key: string | number) =>
    interpolateNode(value, options, step(table, key), [...path, key]);
  if (node.kind === "sequence") return { ...node, items: node.items.map(inner) };
  return mapEntries(node, inner);
}

function interpolateScalar(
  node: Scalar,
  options: Interpolation,
  cast: Cast | undefined,
  path: Path,
): Scalar {
  if (typeof node.value !== "string" || node.timestamp === true) return node;
  const { text, used } = expand(node, node.value, options, path);
  const at = used ? { ...node.at, literal: false } : node.at;
  if (cast === undefined) return { ...node, value: text, text, at };
  const value = cast(text);
  if (value === undefined) {
    throw invalidAt(path, `expected ${KINDS.get(cast) ?? "another type"}`, node);
  }
  return { ...node, value, text: String(value), at };
}

function expand(node: Scalar, source: string, { lookup, warn }: Interpolation, path: Path) {
  if (!source.includes("$")) return { text: source, used: false };
  const done = substitute(source, lookup);
  if (done.fault !== undefined) {
    throw invalidAt(path, done.fault, node, "Set the variable in the environment or in .env.");
  }
  for (const name of done.missing) {
    warn({
      message: `the variable ${name} is not set: it becomes an empty text`,
      variable: name,
      position: place(node.at),
    });
  }
  return done;
}
