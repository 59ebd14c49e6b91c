import { fingerprintHostValue, readHostContents } from "../apply/memory/hostContent.ts";
import type { HostVariables } from "../apply/memory/hostContent.ts";
import type { DesiredService } from "../model/desired.ts";
import type { ComposeProject } from "../model/project.ts";
import type { Versions } from "../model/version.ts";
import type { Context } from "./context.ts";
import { fingerprintKey } from "./fingerprintKey.ts";

/** What `environment:` of a secret or a config may name: as with Compose, `.env` fills in what this process has not. */
export function hostVariables(
  { environment }: Pick<Context, "environment">,
  project: Pick<ComposeProject, "environment">,
): HostVariables {
  return { ...project.environment, ...environment };
}

/**
 * A fingerprint of each file and variable of this host that the services are given.
 * Rejects with what cannot be read. What is delivered is read again by apply: a
 * change in between is delivered under the older fingerprint, and the next plan
 * delivers it once more; a change is never missed.
 */
export async function hostVersions(
  context: Pick<Context, "paths" | "random" | "environment">,
  project: Pick<ComposeProject, "environment">,
  services: ReadonlyMap<string, DesiredService>,
): Promise<Versions> {
  const { paths, random } = context;
  const contents = readHostContents([...services.values()], hostVariables(context, project));
  try {
    if (contents.length === 0) return new Map();
    const key = await fingerprintKey(paths.stateDir, random);
    return new Map(contents.map((one) => [one.name, fingerprintHostValue(key, one)]));
  } finally {
    for (const { value } of contents) value.drop();
  }
}
