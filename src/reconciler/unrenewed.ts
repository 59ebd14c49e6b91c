import { join } from "node:path";
import { inspectLock } from "../lib/lockRecord.ts";
import { isGone } from "../lib/process.ts";
import type { Desired } from "../model/desired.ts";
import type { Versions } from "../model/version.ts";
import type { Context } from "./context.ts";
import { heldLeases, leasedProviders } from "./leases.ts";

/** Of these secrets, those that end without anybody renewing them: no agent of this home lives. */
export async function unrenewed(
  context: Pick<Context, "config" | "paths" | "providers">,
  versions: Versions,
): Promise<Desired["unrenewed"]> {
  const agent = inspectLock(join(context.paths.locksDir, "agent.lock"));
  if (agent !== undefined && !isGone(agent)) return undefined;
  const issuers = new Set(leasedProviders(context.config));
  const { held } = await heldLeases(context);
  const found = [...versions].flatMap(([key, version]): readonly [string, string | undefined][] => {
    // A version that is pinned is no part of the secret's name.
    const secret = key.split("@")[0] ?? key;
    if (!issuers.has(secret.split(":")[0] ?? "")) return [];
    const one = held.find(
      ({ secret: name, lease }) => name === secret && lease.version === version,
    );
    return [[secret, one && new Date(one.lease.expiresAt).toISOString()]];
  });
  return new Map(found);
}
