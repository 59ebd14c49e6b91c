/** What AWS tells of a secret besides its value. */
import type { SecretRequest } from "../../model/ports.ts";
import type { Version } from "../../model/version.ts";
import { deleted, withoutValue } from "./faults.ts";

export interface SecretEntry {
  readonly name: string;
  readonly arn: string;
  /** VersionId to its stages; a version without any is not told, though it may be there. */
  readonly stages: ReadonlyMap<Version, readonly string[]>;
  readonly isDeleted: boolean;
}

const CURRENT = "AWSCURRENT";

/**
 * The VersionId that a request means; undefined where it pins one that carries no stage, or none that there is.
 * Throws `secret-missing` for a secret that is to be deleted, `secret-empty` for one without a value.
 */
export function versionOf(
  provider: string,
  { name, stages, isDeleted }: SecretEntry,
  { path, pinned }: SecretRequest,
): Version | undefined {
  const what = `secret "${provider}:${path}"`;
  if (isDeleted) throw deleted(what, name);
  if (pinned !== undefined && stages.has(pinned)) return pinned;
  const stage = pinned ?? CURRENT;
  const carries = [...stages].find(([, carried]) => carried.includes(stage));
  if (carries === undefined && pinned === undefined) throw withoutValue(what);
  return carries?.[0];
}

/** All that a reference may write for this secret: its name, its ARN, and that without the six signs at its end. */
export function namesOf({ name, arn }: Pick<SecretEntry, "name" | "arn">): readonly string[] {
  return [name, arn, arn.replace(/-\w{6}$/, "")];
}

/** With what the names of the secrets begin that a path may mean; undefined where no filter can say that. */
export function prefixFor(path: string): string | undefined {
  const name = path
    .replace(/^arn:[^/]*?:secret:/, "")
    .replace(path.startsWith("arn:") ? /-\w{6}$/ : "", "");
  // A ! at its beginning turns a filter round.
  return /^[\w/+=.@-][\w/+=.@!-]*$/.test(name) ? name : undefined;
}
