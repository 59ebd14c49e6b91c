/** The KV engine that the secrets lie in: where, and of which version. */
import { DsoError } from "../../model/errors.ts";
import { field, type Json, textField, type VaultAnswer, urlPath } from "./api.ts";
import type { VaultSession } from "./session.ts";

export interface Mount {
  /** Percent-encoded, without a slash at either end. */
  readonly path: string;
  readonly version: 1 | 2;
  /** Our token may not ask: it is what the path looks like. */
  readonly guessed: boolean;
}

/**
 * As dso.yaml has it: `secret`, or `secret/data` as the paths of version 2 are often written. Which mount that
 * is, and of which version, the server tells; where our token may not ask, it is a guess.
 */
export async function findMount(
  provider: string,
  written: string,
  session: VaultSession,
  signal: AbortSignal,
): Promise<Mount> {
  const parts = written.split("/").filter(Boolean);
  const whole = parts.join("/");
  const bare = parts.length > 1 && parts.at(-1) === "data" ? parts.slice(0, -1).join("/") : whole;
  const asked = { method: "GET", path: `sys/internal/ui/mounts/${urlPath(whole)}` } as const;
  const answer = await session.tryCall(asked, signal);
  if (answer.status === 403) return { path: urlPath(bare), version: 2, guessed: true };
  if (answer.status !== 200) throw refused(provider, answer);
  const data = field(answer.body, "data");
  // Asked below a mount, the server names the mount.
  const found = textField(data, "path")?.replace(/\/+$/, "") ?? bare;
  const type = textField(data, "type");
  if (found !== whole && found !== bare) throw noMount(provider, bare);
  if (type !== "kv" && type !== "generic") throw noKv(provider, found, type);
  return { path: urlPath(found), version: versionOf(field(data, "options")), guessed: false };
}

function versionOf(options: Json | undefined): 1 | 2 {
  return field(options, "version") === "2" ? 2 : 1;
}

function refused(provider: string, { errors, status }: VaultAnswer): DsoError {
  const said = errors.join("; ") || `status ${status}`;
  return new DsoError("config-invalid", `provider "${provider}": ${said}`, {
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
