/** What follows a changed secret. */
import { isDeepStrictEqual } from "node:util";
import type { Desired } from "../model/desired.ts";
import { DsoError } from "../model/errors.ts";
import type { ComposeProject } from "../model/project.ts";
import type { Context } from "./context.ts";
import { loadModel, withVariables, withVersions } from "./load.ts";
import { asStored } from "./remember.ts";
import { restore } from "./rollback.ts";
import type { RegisteredProject, StoredModel } from "./state.ts";

/** The registered projects whose services use the secret (`provider:path`), sorted by name. */
export async function usersOf(
  context: Pick<Context, "state">,
  secret: string,
): Promise<readonly RegisteredProject[]> {
  const projects = await context.state.projects();
  return projects.filter(({ secrets }) => secrets.includes(secret));
}

export interface RotationTarget {
  readonly desired: Desired;
  /** Why what stands in the files is not rolled out along with the secret; undefined: they say the same. */
  readonly aside: string | undefined;
}

/**
 * What was last applied to the project, with the newest versions of its secrets. Nothing else is
 * rolled out with a secret: no edit that nobody has applied, and nothing that a variable of this
 * shell says. Where nothing was applied from here, it is what the files say.
 */
export async function rotationTarget(
  context: Context,
  { name, request }: RegisteredProject,
  signal: AbortSignal,
): Promise<RotationTarget> {
  const history = await context.state.history(name);
  const applied = history.find(({ model }) => model !== undefined)?.model;
  if (applied === undefined) {
    const project = await loadModel(context, request, signal);
    return { desired: await withVersions(context, project, signal), aside: undefined };
  }
  const files = await readFiles(() => loadModel(context, request, signal));
  const same = "project" in files && saysTheSame(files.project, applied);
  const project = same
    ? files.project
    : await withVariables(context, request, restore(applied), signal);
  const desired = await withVersions(context, project, signal);
  return { desired, aside: same ? undefined : whyAside(files) };
}

type Files = { readonly project: ComposeProject } | { readonly error: DsoError };

async function readFiles(load: () => Promise<ComposeProject>): Promise<Files> {
  try {
    return { project: await load() };
  } catch (error) {
    if (error instanceof DsoError) return { error };
    throw error;
  }
}

/** Through JSON, as the stored one went: an absent key and an undefined one are then alike. */
function saysTheSame(project: ComposeProject, applied: StoredModel): boolean {
  return isDeepStrictEqual(JSON.parse(JSON.stringify(asStored(project))), applied);
}

function whyAside(files: Files): string {
  return "error" in files
    ? `its files cannot be read (${files.error.message})`
    : "its files or the variables they use have changed since they were applied";
}
