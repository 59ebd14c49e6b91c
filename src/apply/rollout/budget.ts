import type { HealthPolicy, ServicePolicy } from "../../model/desired.ts";

/** How long it may be waited for health, and whose time that is. */
export type Budget = HealthPolicy & { readonly limitedBy?: "rotation" };

/**
 * `spentMs`: what of the time of one replica is over, from create to serving. What the old container
 * takes to drain and to stop is not part of that: it is not the new one's doing.
 */
export function budgetFor(
  { health, rotationTimeoutMs }: Pick<ServicePolicy, "health" | "rotationTimeoutMs">,
  spentMs: number,
): Budget {
  const leftMs = Math.max(0, rotationTimeoutMs - spentMs);
  return leftMs < health.timeoutMs
    ? { ...health, timeoutMs: leftMs, limitedBy: "rotation" }
    : health;
}
