/** How a service is to be changed: its `x-dso`, else `defaults`, else `agent` of dso.yaml. */
import type {
  EnvironmentPolicy,
  HealthPolicy,
  HealthProbe,
  ServicePolicy,
  Strategy,
} from "../model/desired.ts";
import { combine, DsoError } from "../model/errors.ts";
import type { Positions, ServiceModel } from "../model/project.ts";
import { findings } from "./findings.ts";
import validate from "./generated/service.js";
import type { Config } from "./types.ts";
import { milliseconds } from "./units.ts";
import type { Path } from "./yaml.ts";

/**
 * How long a container without any check must run before it counts as serving; in a shorter wait, half
 * of that. Nobody can set it, so that no time-out is refused for its sake.
 */
const SETTLE_MS = 5_000;

/** What the schema promises about an accepted `x-dso`. */
interface Knobs {
  readonly strategy?: Strategy;
  readonly env?: EnvironmentPolicy;
  readonly signal?: string;
  readonly timeout?: string;
  readonly drain: string;
  readonly shared?: readonly string[];
  readonly health?: Health;
}

interface Health {
  readonly http?: { readonly port: number; readonly path: string; readonly status?: number };
  readonly tcp?: { readonly port: number };
  readonly exec?: readonly string[];
  readonly timeout?: string;
  readonly retries?: number;
  readonly interval?: string;
  readonly start_period?: string;
}

/** Throws `compose-invalid` for what is wrong in `x-dso`, all of it at once. */
export function servicePolicy(
  service: string,
  model: ServiceModel,
  config: Config,
  positions: Positions,
): ServicePolicy {
  const path: Path = ["services", service, "x-dso"];
  const knobs = readKnobs(model["x-dso"] ?? {}, path, positions);
  const { rotation, env } = config.defaults;
  const rotationTimeoutMs =
    knobs.timeout === undefined ? rotation.timeoutMs : milliseconds(knobs.timeout);
  return {
    strategy: knobs.strategy ?? rotation.strategy,
    env: knobs.env ?? env,
    signal: knobs.signal,
    drainMs: milliseconds(knobs.drain),
    shared: knobs.shared ?? [],
    health: healthPolicy(knobs.health ?? {}, config, rotationTimeoutMs),
    rotationTimeoutMs,
    rollbackOnFailure: rotation.rollbackOnFailure,
  };
}

function readKnobs(xDso: unknown, path: Path, positions: Positions): Knobs {
  const knobs: unknown = structuredClone(xDso);
  const at = (below: Path) => positions.at([...path, ...below]);
  const errors = validate(knobs)
    ? []
    : findings(validate.errors ?? [], {
        code: "compose-invalid",
        name: path.join("."),
        at,
        keyAt: at,
      });
  if (errors.length > 0) throw combine(errors);
  // The schema has just said so.
  const accepted = knobs as Knobs;
  const probes = ["http", "tcp", "exec"].filter((kind) => kind in (accepted.health ?? {}));
  if (probes.length > 1) throw manyProbes(probes, [...path, "health"], positions);
  return accepted;
}

function manyProbes(probes: readonly string[], path: Path, positions: Positions): DsoError {
  const position = positions.at(path);
  return new DsoError("compose-invalid", `${path.join(".")} has ${probes.join(" and ")}`, {
    hint: "Keep one of them.",
    ...(position && { position }),
  });
}

function healthPolicy(health: Health, config: Config, rotationTimeoutMs: number): HealthPolicy {
  const { healthCheck } = config.agent;
  const { timeout, interval, start_period } = health;
  const timeoutMs = timeout === undefined ? healthCheck.timeoutMs : milliseconds(timeout);
  return {
    probe: probe(health),
    timeoutMs,
    retries: health.retries ?? healthCheck.retries,
    intervalMs: interval === undefined ? healthCheck.intervalMs : milliseconds(interval),
    startPeriodMs: start_period === undefined ? undefined : milliseconds(start_period),
    settleMs: Math.min(SETTLE_MS, timeoutMs / 2, rotationTimeoutMs / 2),
  };
}

function probe({ http, tcp, exec }: Health): HealthProbe | undefined {
  if (http !== undefined) return { kind: "http", ...http, status: http.status };
  if (tcp !== undefined) return { kind: "tcp", port: tcp.port };
  if (exec !== undefined) return { kind: "exec", argv: exec };
  return undefined;
}
