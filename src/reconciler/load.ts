import { findBindings, type ServiceBindings } from "../compose/bindings/bindings.ts";
import { discover } from "../compose/discover.ts";
import {
  type LoadedProject,
  type LoadOptions,
  type OpenProject,
  openProject,
} from "../compose/load.ts";
import type { Mapping } from "../compose/node.ts";
import { newTrace, type Trace } from "../compose/trace.ts";
import { policyFaults } from "../config/projectPolicy.ts";
import { servicePolicy } from "../config/servicePolicy.ts";
import { type Desired, type DesiredService, referencesOf } from "../model/desired.ts";
import { combine, DsoError } from "../model/errors.ts";
import { isProgram } from "../model/programs.ts";
import type { ComposeProject, ServiceModel } from "../model/project.ts";
import type { Versions } from "../model/version.ts";
import { readVersions, type WantedReference } from "../providers/versions.ts";
import type { Context } from "./context.ts";
import { hostVersions } from "./hostContent.ts";
import type { ProjectRequest } from "./request.ts";

/** A project of which no more is known than its name, which is all that its lock needs. */
export interface Opened {
  readonly name: string;
  /** What was looked at to know it, so far; undefined where it came from no files. */
  readonly trace: Trace | undefined;
  /** What should be: the model, its references and one snapshot of their versions. */
  readonly load: (signal: AbortSignal) => Promise<Desired>;
}

export async function open(
  context: Context,
  request: ProjectRequest,
  signal: AbortSignal,
  trace = newTrace(),
): Promise<Opened> {
  const project = await openModel(context, request, signal, trace);
  const { name } = project;
  return {
    name,
    trace,
    load: async (during) => withVersions(context, await project.load(), during),
  };
}

/** The files as Compose reads them; no secret store is asked. */
export async function loadModel(
  context: Context,
  request: ProjectRequest,
  signal: AbortSignal,
): Promise<ComposeProject> {
  return (await openModel(context, request, signal, newTrace())).load();
}

/** The same for whoever only shows them: what cannot be applied, and what is asked to be left as it is, stays. */
export async function loadToShow(
  context: Context,
  request: ProjectRequest,
  show: NonNullable<LoadOptions["show"]>,
  signal: AbortSignal,
): Promise<LoadedProject> {
  return (await openModel(context, request, signal, newTrace(), show)).load();
}

/** What the files say together, with their variables as they are written. */
export async function mergedToShow(
  context: Context,
  request: ProjectRequest,
  show: NonNullable<LoadOptions["show"]>,
  signal: AbortSignal,
): Promise<Mapping> {
  return (await openModel(context, request, signal, newTrace(), show)).merged();
}

function openModel(
  context: Context,
  request: ProjectRequest,
  signal: AbortSignal,
  trace: Trace,
  show?: LoadOptions["show"],
): Promise<OpenProject> {
  const options = loadOptions(context, request);
  return openProject({ ...options, trace, ...(show === undefined ? {} : { show }) }, signal);
}

function loadOptions(
  context: Pick<Context, "environment" | "home">,
  request: ProjectRequest,
): LoadOptions {
  const { files, stdin, profiles, projectName, projectDirectory } = request;
  return {
    cwd: request.cwd,
    ...(files.length === 0 ? {} : { files }),
    ...(stdin === undefined ? {} : { stdin }),
    ...(projectName === undefined ? {} : { projectName }),
    ...(projectDirectory === undefined ? {} : { projectDirectory }),
    ...(profiles === undefined ? {} : { profiles }),
    ...(request.environmentFiles.length === 0
      ? {}
      : { environmentFiles: request.environmentFiles }),
    services: request.services,
    env: environmentOf(context, request),
    home: context.home,
  };
}

/**
 * A project out of the history, with the variables that its secrets and configs ask for: as they
 * are now, because none are kept. What is at fault in the files is nothing to it.
 */
export async function withVariables(
  context: Pick<Context, "environment" | "home">,
  request: ProjectRequest | undefined,
  project: ComposeProject,
  signal: AbortSignal,
): Promise<ComposeProject> {
  const sources = [...project.secrets.values(), ...project.configs.values()];
  const asks = sources.some((source) => source.environment !== undefined);
  if (!asks || request === undefined) return project;
  const options = loadOptions(context, request);
  try {
    const { env } = await discover(options, { signal, trace: newTrace() });
    return { ...project, environment: env };
  } catch (error) {
    if (error instanceof DsoError) return project;
    throw error;
  }
}

function environmentOf(
  { environment }: Pick<Context, "environment">,
  { variables }: ProjectRequest,
): Readonly<Record<string, string | undefined>> {
  if (variables === undefined) return environment;
  return Object.fromEntries(
    Object.entries(variables).map(([name, value]) => [name, value ?? undefined]),
  );
}

/** Opens and loads it at once, for whoever only looks. */
export async function load(
  context: Context,
  request: ProjectRequest,
  signal: AbortSignal,
): Promise<Desired> {
  return (await open(context, request, signal)).load(signal);
}

/** The model's references, each at its newest version. */
export async function withVersions(
  context: Context,
  project: ComposeProject,
  signal: AbortSignal,
): Promise<Desired> {
  const services = describeServices(context, project);
  const references = permittedReferences(context, project, services);
  const { versions, unversioned } = await readVersions(context.providers, references, signal);
  const contents = await hostVersions(context, project, services);
  const told = [...context.config.providers.values()].filter((one) => one.byValue);
  const byValue = new Set(told.map(({ name }) => name));
  const all = new Map([...versions, ...contents]);
  const unrenewed = await unrenewedOf(context, versions);
  const rest = { unversioned, byValue, ...(unrenewed && { unrenewed }) };
  return withAnswers(context, { project, services, versions: all, ...rest });
}

/** With the provider services, which few projects have. */
export async function withAnswers(context: Context, desired: Desired): Promise<Desired> {
  if (![...desired.project.services.values()].some(isProgram)) return desired;
  const { withKnownAnswers } = await import("./programs.ts");
  return withKnownAnswers(context, desired);
}

/** None while an agent of this home lives, and where nothing is issued for a time. */
async function unrenewedOf(context: Context, versions: Versions): Promise<Desired["unrenewed"]> {
  if (![...context.config.providers.values()].some(({ leased }) => leased)) return undefined;
  const { unrenewed } = await import("./unrenewed.ts");
  return unrenewed(context, versions);
}

/** All references of the services with their places. Rejects where dso.yaml forbids the project one of them. */
export function permittedReferences(
  { config }: Pick<Context, "config">,
  project: ComposeProject,
  services: ReadonlyMap<string, DesiredService>,
): readonly WantedReference[] {
  const references = [...services.values()].flatMap(({ bindings }) =>
    bindings.flatMap(({ template, position }) =>
      referencesOf(template).map((reference) => ({ reference, position })),
    ),
  );
  const faults = policyFaults(config, project.name, references);
  if (faults.length > 0) throw combine(faults);
  return references;
}

/** The services that are containers, with their references and policies, every fault of them reported at once. */
export function describeServices(
  context: Context,
  project: ComposeProject,
): ReadonlyMap<string, DesiredService> {
  const found = findBindings(project, context.config);
  const faults: DsoError[] = [];
  const services = new Map<string, DesiredService>();
  for (const [name, model] of project.services) {
    if (isProgram(model)) continue;
    try {
      services.set(name, describeService(context, project, name, model, found.get(name)));
    } catch (error) {
      if (!(error instanceof DsoError)) throw error;
      faults.push(error);
    }
  }
  if (faults.length > 0) throw combine(faults);
  return services;
}

function describeService(
  context: Context,
  project: ComposeProject,
  name: string,
  model: ServiceModel,
  found: ServiceBindings | undefined,
): DesiredService {
  return {
    name,
    model,
    replicas: model.deploy?.replicas ?? model.scale ?? 1,
    image: model.image ?? `${project.name}-${name}`,
    bindings: found?.bindings ?? [],
    files: found?.files ?? [],
    policy: servicePolicy(name, model, context.config, project.positions),
  };
}
