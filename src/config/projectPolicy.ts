/** What `projects.<name>` of dso.yaml forbids the project. */
import { DsoError, type Position } from "../model/errors.ts";
import { type Reference, secretName } from "../model/reference.ts";
import { toPattern } from "./pattern.ts";
import type { Config, ProjectConfig } from "./types.ts";

interface Wanted {
  readonly reference: Reference;
  readonly position: Position | undefined;
}

/**
 * One `policy-refused` for each reference outside `secrets.allow`, at its place, and a `not-in-release`
 * for `policy.deny`: nothing here checks what it forbids, and a guard that is asleep must not be relied on.
 */
export function policyFaults(
  config: Config,
  project: string,
  wanted: readonly Wanted[],
): readonly DsoError[] {
  const settings = config.projects.get(project);
  if (settings === undefined) return [];
  return [...unguarded(config, settings), ...strangers(settings, wanted)];
}

function unguarded(config: Config, { name, policy }: ProjectConfig): readonly DsoError[] {
  if (policy.deny === undefined || policy.deny.length === 0) return [];
  const path = ["projects", name, "policy", "deny"];
  const position = config.at(path);
  return [
    new DsoError("not-in-release", `${path.join(".")} is not in this release`, {
      hint: "Nothing would be denied. Remove it to deploy without this check.",
      ...(position && { position }),
    }),
  ];
}

function strangers(
  { name, allowSecrets }: ProjectConfig,
  wanted: readonly Wanted[],
): readonly DsoError[] {
  if (allowSecrets === undefined) return [];
  const patterns = allowSecrets.map(toPattern);
  return wanted.flatMap(({ reference, position }) => {
    const secret = secretName(reference);
    if (patterns.some((pattern) => pattern.test(secret))) return [];
    return [
      new DsoError("policy-refused", `project ${name} may not have the secret ${secret}`, {
        hint: `Add it to projects.${name}.secrets.allow, which has: ${allowSecrets.join(", ") || "nothing"}.`,
        ...(position && { position }),
      }),
    ];
  });
}
