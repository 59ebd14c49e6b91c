/** A container's own healthcheck, as the engine was told of it. */
import { DEFAULT_CHECK_MS } from "../../model/desired.ts";
import type { Healthcheck } from "../../model/engine.ts";

const MS = 1e6;
/** The engine's own default. */
const DEFAULT_TIMEOUT_MS = 30_000;

/** What it runs; undefined where there is none. */
export function commandOf(check: Healthcheck | undefined): readonly string[] | undefined {
  const [kind, ...rest] = check?.Test ?? [];
  if (kind === "CMD") return rest;
  return kind === "CMD-SHELL" ? ["/bin/sh", "-c", rest.join(" ")] : undefined;
}

/** How often it is run. */
export function intervalOf(check: Healthcheck | undefined): number {
  return msOf(check?.Interval, DEFAULT_CHECK_MS);
}

/** How long one run of it may take. */
export function timeoutOf(check: Healthcheck | undefined): number {
  return msOf(check?.Timeout, DEFAULT_TIMEOUT_MS);
}

/** Of what the engine was told, where 0 says nothing. */
export function msOf(nanoseconds: number | undefined, otherwise: number): number {
  return nanoseconds === undefined || nanoseconds === 0 ? otherwise : nanoseconds / MS;
}
