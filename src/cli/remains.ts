import type { Desired } from "../model/desired.ts";
import { DsoError } from "../model/errors.ts";
import type { ComposeProject } from "../model/project.ts";
import type { Context } from "../reconciler/context.ts";
import type { ProjectRequest } from "../reconciler/request.ts";
import { describeServices, loadModel, type Opened, withAnswers } from "../reconciler/load.ts";
import { restore } from "../reconciler/rollback.ts";

/**
 * The project without the versions of its secrets: enough to take it down, which
 * must work while a secret store does not. Where its files are gone, the last
 * model that was applied stands in, and where none was, the name alone.
 */
export async function openWithoutVersions(
  context: Context,
  request: ProjectRequest,
  signal: AbortSignal,
): Promise<Opened> {
  const project = await modelOf(context, request, signal);
  const load = async (): Promise<Desired> => {
    const services = describeServices(context, project);
    const bare = { project, services, versions: new Map(), unversioned: new Set<string>() };
    return withAnswers(context, bare);
  };
  return { name: project.name, trace: undefined, load };
}

async function modelOf(
  context: Context,
  request: ProjectRequest,
  signal: AbortSignal,
): Promise<ComposeProject> {
  try {
    return await loadModel(context, request, signal);
  } catch (error) {
    const name = request.projectName;
    if (!(error instanceof DsoError) || name === undefined || request.files.length > 0) throw error;
    const known = (await context.state.history(name)).find(({ model }) => model !== undefined);
    return restore(known?.model ?? nameAlone(name, request.cwd));
  }
}

function nameAlone(name: string, workingDir: string): Parameters<typeof restore>[0] {
  return {
    name,
    workingDir,
    files: [],
    environmentFiles: [],
    profiles: [],
    disabledServices: [],
    services: {},
    networks: {},
    volumes: {},
    secrets: {},
    configs: {},
  };
}
