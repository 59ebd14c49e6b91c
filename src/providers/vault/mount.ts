/** The KV engine that the secrets lie in: where, and of which version. */
import { DsoError } from "../../model/errors.ts";
import { field, type Json, textField, type VaultAnswer } from "./api.ts";
import { encodePath } from "./login.ts";
import type { VaultSession } from "./session.ts";

export interface Mount {
  /** Percent-encoded, without a slash at either end. */
  readonly path: string;
  readonly version: 1 | 2;
}

/**
 * As dso.yaml has it: `secret`, or `secret/data` as the paths of version 2 are often written. Which version it
 * is the server tells; where our token may not ask, `/data` and the default say 2.
 */
export async function findMount(
  provider: string,
  written: string,
  session: VaultSession,
  signal: AbortSignal,
): Promise<Mount> {
  const parts = written.split("/").filter(Boolean);
  const bare = parts.length > 1 && parts.at(-1) === "data" ? parts.slice(0, -1) : parts;
  const path = encodePath(bare.join("/"));
  const asked = { method: "GET", path: `sys/internal/ui/mounts/${path}` } as const;
  const answer = await session.call(asked, signal);
  if (answer.status !== 200) return withoutMount(provider, path, answer);
  const data = field(answer.body, "data");
  // Asked below a mount, the server names the mount.
  const found = textField(data, "path")?.replace(/\/+$/, "");
  const type = textField(data, "type");
  if (found !== undefined && found !== bare.join("/")) throw noMount(provider, bare.join("/"));
  if (type !== "kv" && type !== "generic") throw noKv(provider, bare.join("/"), type);
  return { path, version: versionOf(field(data, "options")) };
}

function versionOf(options: Json | undefined): 1 | 2 {
  return field(options, "version") === "2" ? 2 : 1;
}

/** The server says no more than "denied" of a mount that is none, or that the token has nothing to do with. */
function withoutMount(provider: string, path: string, { errors, status }: VaultAnswer): Mount {
  if (status === 403) return { path, version: 2 };
  const said = errors.join("; ") || `status ${status}`;
  throw new DsoError("config-invalid", `provider "${provider}": ${said}`, {
    hint: `Correct addr, namespace or mount_path of providers.${provider}.`,
  });
}

export function noMount(provider: string, mount: string): DsoError {
  return new DsoError("config-invalid", `provider "${provider}": there is no mount "${mount}"`, {
    hint: `Name the KV engine under providers.${provider}.mount_path (vault secrets list shows them).`,
  });
}

function noKv(provider: string, mount: string, type: string | undefined): DsoError {
  const message = `provider "${provider}": the mount "${mount}" is of type ${type ?? "none"}, and not kv`;
  return new DsoError("config-invalid", message, {
    hint: `Name a KV engine under providers.${provider}.mount_path.`,
  });
}
