/** Which projects are looked after without a person. */
import { dirname } from "node:path";
import type { Config, ProjectConfig } from "../config/types.ts";
import type { DsoError } from "../model/errors.ts";
import type { Context } from "./context.ts";
import type { ProjectRequest } from "./request.ts";
import type { RegisteredProject } from "./state.ts";

/** A project that is looked after without a person. */
export interface Tracked {
  readonly name: string;
  readonly request: ProjectRequest;
  /** Undefined: nothing of it was applied from here. */
  readonly registered: RegisteredProject | undefined;
  readonly policy: Pick<ProjectConfig["policy"], "apply" | "prune">;
}

const DEFAULT_POLICY: Tracked["policy"] = { apply: "all", prune: true };

/**
 * Names of those that were applied to this engine from here, and of those that dso.yaml names, sorted.
 * Projects out of git are not among them. `onFault` hears of one whose state cannot be read: the others
 * do not suffer for it.
 */
export async function trackedProjects(
  context: Sources,
  engineId: string,
  onFault: (error: DsoError) => void,
): Promise<readonly string[]> {
  const { config, state } = context;
  const projects = await state.projects(onFault);
  const registered = new Map(projects.map((project) => [project.name, project]));
  const names = new Set([...registered.keys(), ...config.projects.keys()]);
  const isTracked = (name: string): boolean =>
    describe(context, engineId, name, registered.get(name)) !== undefined;
  return [...names].sort().filter(isTracked);
}

/** As it is now; undefined where nobody looks after it any more. */
export async function trackedProject(
  context: Sources,
  engineId: string,
  name: string,
): Promise<Tracked | undefined> {
  return describe(context, engineId, name, await context.state.registered(name));
}

type Sources = Pick<Context, "config" | "state">;

function describe(
  { config }: Sources,
  engineId: string,
  name: string,
  registered: RegisteredProject | undefined,
): Tracked | undefined {
  const said = config.projects.get(name);
  const request = requestOf(config, registered, said);
  const elsewhere = registered !== undefined && registered.engineId !== engineId;
  if (request === undefined || elsewhere) return undefined;
  return { name, request, registered, policy: said?.policy ?? DEFAULT_POLICY };
}

/** As it was applied; where dso.yaml says which files, with those. */
function requestOf(
  config: Config,
  known: RegisteredProject | undefined,
  said: ProjectConfig | undefined,
): ProjectRequest | undefined {
  if (said === undefined || config.file === undefined) return known?.request;
  if (said.source !== undefined) return undefined;
  const { name, files } = said;
  // A default is no word against the files that a person has named.
  const written = config.at(["projects", name, "files"]) !== undefined;
  if (known !== undefined && !written) return known.request;
  const none = {
    ...{ profiles: undefined, environmentFiles: [], variables: undefined, services: [] },
    projectDirectory: undefined,
  };
  const { profiles, environmentFiles, variables, services, projectDirectory } =
    known?.request ?? none;
  return {
    ...{ cwd: dirname(files[0] ?? config.file), files, stdin: undefined, projectName: name },
    ...{ projectDirectory, profiles, environmentFiles, variables, services },
  };
}
