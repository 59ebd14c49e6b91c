/** Which projects are looked after without a person. */
import { dirname } from "node:path";
import type { ProjectConfig } from "../config/types.ts";
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
 * Projects out of git are not among them.
 */
export async function trackedProjects(
  context: Sources,
  engineId: string,
): Promise<readonly string[]> {
  const { config, state } = context;
  const registered = new Map((await state.projects()).map((project) => [project.name, project]));
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
  const request = requestOf(config.file, registered, said);
  const elsewhere = registered !== undefined && registered.engineId !== engineId;
  if (request === undefined || elsewhere) return undefined;
  return { name, request, registered, policy: said?.policy ?? DEFAULT_POLICY };
}

/** As it was applied; where dso.yaml says which files, those. */
function requestOf(
  configFile: string | undefined,
  known: RegisteredProject | undefined,
  said: ProjectConfig | undefined,
): ProjectRequest | undefined {
  if (said === undefined || configFile === undefined) return known?.request;
  if (said.source !== undefined) return undefined;
  const { name, files } = said;
  const cwd = dirname(files[0] ?? configFile);
  const none = { profiles: undefined, environmentFiles: [], variables: undefined, services: [] };
  const { profiles, environmentFiles, variables, services } = known?.request ?? none;
  return {
    ...{ cwd, files, stdin: undefined, projectName: name, projectDirectory: undefined },
    ...{ profiles, environmentFiles, variables, services },
  };
}
