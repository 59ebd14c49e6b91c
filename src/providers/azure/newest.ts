/** Which of a secret's versions is the newest, and whether it may be used. Pure. */
import { DsoError } from "../../model/errors.ts";
import type { SecretRequest } from "../../model/ports.ts";
import { type Asked, disabled, vaultName } from "./faults.ts";
import type { SecretInfo } from "./keyVault.ts";

/** What was told of a secret before. */
export interface Known {
  readonly version: string;
  /** Of that version: a list that says the same of the secret means no other one. */
  readonly state: string;
  /** All versions of its second that were there. */
  readonly together: ReadonlySet<string>;
  /** The second is over: no other version can come to have the same state. */
  readonly settled: boolean;
}

export function stateOf({ created, updated }: SecretInfo): string {
  return `${created} ${updated}`;
}

/**
 * Versions come in no order, and their times are whole seconds. Of those that share the last second the one that
 * was not there before is the newest. Where that decides nothing, nothing does: Key Vault tells which one it is
 * only together with its value. Then it is undefined.
 */
export function newestOf(
  versions: readonly SecretInfo[],
  known: Known | undefined,
): { readonly info: SecretInfo | undefined; readonly together: ReadonlySet<string> } {
  const last = Math.max(...versions.map(({ created }) => created));
  const candidates = versions.filter(({ created }) => created === last);
  const together = new Set(candidates.flatMap(({ version }) => version ?? []));
  const isNew = ({ version }: SecretInfo): boolean => known?.together.has(version ?? "") !== true;
  const fresh = candidates.filter(isNew);
  const likely =
    fresh.length > 0 ? fresh : candidates.filter(({ version }) => version === known?.version);
  return { info: likely.length === 1 ? likely[0] : undefined, together };
}

/**
 * Rejects where it may not be used. The server itself gives out what has expired or is not valid yet, and says so;
 * whoever set those times did not want it delivered.
 */
export function checkUse(
  asked: Asked,
  request: SecretRequest,
  info: SecretInfo,
  now: number,
): void {
  const { provider, vault } = asked;
  const name = `secret "${provider}:${request.path}"`;
  const set = `az keyvault secret set-attributes --vault-name ${vaultName(vault)} --name ${request.path}`;
  if (info.managed) {
    throw new DsoError(
      "secret-denied",
      `${name} is the key of a certificate, which is not delivered`,
      {
        hint: "Put what is needed of it into a secret of its own.",
      },
    );
  }
  if (!info.enabled) throw disabled(asked, request);
  if (info.expires !== undefined && info.expires <= now) {
    throw new DsoError("secret-denied", `${name} has expired (${dateOf(info.expires)})`, {
      hint: `Write a new version, or move its end: ${set} --expires DATE`,
    });
  }
  if (info.notBefore !== undefined && info.notBefore > now) {
    throw new DsoError("secret-denied", `${name} is not valid before ${dateOf(info.notBefore)}`, {
      hint: `Wait until then, or move it: ${set} --not-before DATE`,
    });
  }
}

/** Two in one second that nobody has seen come. */
export function undecided(
  { provider }: Asked,
  { path }: SecretRequest,
  together: ReadonlySet<string>,
): DsoError {
  const message = `secret "${provider}:${path}" has several versions of the same second (${[...together].sort().join(", ")}), and Key Vault does not tell which is the newest`;
  return new DsoError("secret-conflict", message, {
    hint: "Write it once more, or pin one of them: ?version=…",
  });
}

function dateOf(ms: number): string {
  return new Date(ms).toISOString().replace(".000Z", "Z");
}
