/** Compose files to the canonical model: the way in. */
import type { LoadWarning } from "../model/project.ts";
import { applyDefaultPlatform, checkImages } from "./check/checkImages.ts";
import { checkProject } from "./check/checkProject.ts";
import { decode } from "./decode/decode.ts";
import { discover } from "./discover.ts";
import type { LoadOptions, Setting } from "./discover.ts";
import { readVariableFiles } from "./variables/environment.ts";
import { empty } from "./fault.ts";
import type { Loading } from "./loading.ts";
import { projectName } from "./name.ts";
import type { Mapping } from "./node.ts";
import { normalise, withName } from "./canonical/normalise.ts";
import { loadModel } from "./pipeline.ts";
import { selectServices } from "./profiles.ts";
import { buildProject, withoutUnused } from "./project.ts";
import type { LoadedProject } from "./project.ts";
import { readDocuments } from "./read.ts";
import { newTrace, type Reading } from "./trace.ts";
import { refuseUnsupported } from "./check/unsupported.ts";

export type { LoadOptions, Omission } from "./discover.ts";
export type { LoadedProject } from "./project.ts";

/** A project of which no more is known than its name. */
export interface OpenProject {
  readonly name: string;
  /** The rest of it, out of the same files as they were read for the name. */
  load(): Promise<LoadedProject>;
  /** What the files say together, in long forms, with variables as they are written: values have no types yet. */
  merged(): Promise<Mapping>;
}

/** Rejects as `loadProject` does. */
export async function openProject(options: LoadOptions, signal: AbortSignal): Promise<OpenProject> {
  const reading = { signal, trace: options.trace ?? newTrace() };
  const setting = await discover(options, reading);
  const warnings = [...setting.warnings];
  const loading = startLoading(options, setting, warnings, reading);
  const documents = await allDocuments(setting.files, loading);
  const name = projectName(
    options.projectName,
    setting.env,
    setting.workingDir,
    documents,
    reading.trace,
  );
  const named = { ...loading, env: { ...setting.env, COMPOSE_PROJECT_NAME: name } };
  const normal = async (how: Partial<Loading>, change = (document: Mapping) => document) => {
    const loaded = await loadModel(setting.files, { ...named, ...how });
    if (loaded.entries.size === 0) throw empty(loaded.at);
    const model = change(loaded);
    const plain = options.show?.without.has("normalisation") === true;
    return plain ? withName(model, name) : normalise(model, name);
  };
  return {
    name,
    load: async () =>
      finishLoading(await normal({}, decode), name, options, setting, named, warnings),
    merged: () => normal({ keepVariables: true }),
  };
}

/**
 * The project that the files, `.env` and the environment describe. Rejects with
 * `compose-invalid`, or `compose-unsupported` for what this release refuses; both
 * say in which file and line.
 */
export async function loadProject(
  options: LoadOptions,
  signal: AbortSignal,
): Promise<LoadedProject> {
  return (await openProject(options, signal)).load();
}

async function finishLoading(
  normal: Mapping,
  name: string,
  options: LoadOptions,
  setting: Setting,
  loading: Loading,
  warnings: readonly LoadWarning[],
): Promise<LoadedProject> {
  const { show, services = [] } = options;
  const { document, disabled, known } = selectServices(normal, setting.profiles, services);
  const checked =
    show?.without.has("consistency") === true ? document : checkProject(document, normal);
  const complete = await readVariableFiles(checked, loading.env, loading, {
    before: show === undefined,
    variables: show?.without.has("variable files") !== true,
  });
  const whole = show?.without.has("narrowing") === true ? complete : withoutUnused(complete);
  if (show === undefined) {
    refuseUnsupported(whole);
    checkImages(whole);
  }
  // Shown is what the files say.
  const used = show === undefined ? applyDefaultPlatform(whole, loading.env, loading.trace) : whole;
  const { workingDir, files, environmentFiles, profiles } = setting;
  const { env: environment } = loading;
  const rest = { name, workingDir, files, environmentFiles, profiles, warnings, environment };
  return buildProject(used, { ...rest, disabledServices: disabled, knownProfiles: known });
}

function startLoading(
  options: LoadOptions,
  { env, workingDir }: Setting,
  warnings: LoadWarning[],
  reading: Reading,
): Loading {
  const seen = new Set<string>();
  return {
    env,
    workingDir,
    home: options.home,
    keepPaths: options.show?.without.has("paths") ?? false,
    keepVariables: false,
    stdin: options.stdin ?? "",
    chain: [],
    documents: new Map(),
    load: loadModel,
    warn: (warning) => {
      const key = JSON.stringify(warning);
      if (!seen.has(key)) warnings.push(warning);
      seen.add(key);
    },
    ...reading,
  };
}

async function allDocuments(
  files: readonly string[],
  loading: Loading,
): Promise<readonly Mapping[]> {
  const documents: Mapping[] = [];
  for (const file of files) documents.push(...(await readDocuments(file, loading)));
  return documents;
}
