/** What is held of stores that issue credentials for a time, for people: no value is read. */
import type { DsoError } from "../model/errors.ts";
import type { SecretProvider } from "../model/ports.ts";
import type { Version } from "../model/version.ts";
import type { Context } from "./context.ts";
import { heldLeases } from "./leases.ts";

export interface LeaseStatus {
  /** `db:app` */
  readonly secret: string;
  readonly version: Version;
  /** No later one was issued: else it is given back once nobody has it. */
  readonly newest: boolean;
  /** ISO 8601, UTC; a renewal moves it. Undefined: it is over. */
  readonly until: string | undefined;
}

/** Sorted by secret, the oldest first. A list that cannot be read is a fault. */
export async function leaseStatus(
  context: Pick<Context, "clock" | "config" | "providers">,
): Promise<{ readonly held: readonly LeaseStatus[]; readonly faults: readonly DsoError[] }> {
  const { held, faults } = await heldLeases(context);
  const now = context.clock.now();
  const found = held.map(({ secret, lease: { version, newest, expiresAt } }): LeaseStatus => ({
    ...{ secret, version, newest, until: now < expiresAt ? iso(expiresAt) : undefined },
  }));
  return { held: found, faults };
}

/**
 * What to say of each version instead of that it is there: what is not issued yet may be of a role that does
 * not exist. Undefined for a store that issues nothing; rejects with what is wrong with the store.
 */
export async function leaseNotes(
  provider: SecretProvider,
  now: number,
  signal: AbortSignal,
): Promise<((path: string, version: Version) => string) | undefined> {
  if (provider.leases === undefined) return undefined;
  // Its versions are told without it.
  const health = await provider.check(signal);
  if (!health.ok) throw health.error;
  const held = await provider.leases.list();
  return (path, version) => {
    const one = held.find((lease) => lease.path === path && lease.version === version);
    return one !== undefined && now < one.expiresAt
      ? `held until ${iso(one.expiresAt)}`
      : "not issued yet";
  };
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
