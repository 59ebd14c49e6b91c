import { createHash } from "node:crypto";
import type { VaultAddress } from "./api.ts";
import { urlPath } from "./api.ts";
import type { Issuing } from "./engines.ts";

/**
 * The same for whatever is asked of the same engine of the same server in the same words. What was issued for
 * other ones is not what dso.yaml means now.
 */
export function askedFor(
  { addr, namespace, mount, engine }: Issuing & Pick<VaultAddress, "addr" | "namespace">,
  path: string,
): string {
  const body = engine.kind === "pki" ? Object.entries(engine.roles.get(path) ?? {}) : [];
  return hashOf([engine.kind, ...partsOf(addr, namespace), urlPath(mount), ...body.sort(byName)]);
}

/** The same for the same server. */
export function serverOf({ addr, namespace }: Pick<VaultAddress, "addr" | "namespace">): string {
  return hashOf(partsOf(addr, namespace));
}

function partsOf(addr: URL, namespace: string | undefined): readonly string[] {
  return [addr.href, namespace ?? ""];
}

function hashOf(words: readonly unknown[]): string {
  return createHash("sha256").update(JSON.stringify(words)).digest("hex");
}

function byName([a]: readonly [string, string], [b]: readonly [string, string]): number {
  return a < b ? -1 : 1;
}
