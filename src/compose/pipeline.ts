/** The loader's stages, in their order. */
import { setImmediate } from "node:timers/promises";
import { promoteAliases } from "./merge/aliases.ts";
import { canonical } from "./canonical/index.ts";
import { checkModel } from "./check/checkModel.ts";
import { setDefaults } from "./canonical/defaults.ts";
import { inheritVariables } from "./variables/environment.ts";
import { extendServices } from "./merge/extends.ts";
import { place } from "./fault.ts";
import { includeFiles } from "./merge/include.ts";
import type { Loading } from "./loading.ts";
import { merge, withoutMarks } from "./merge/merge.ts";
import type { Mapping } from "./node.ts";
import { withEntry } from "./node.ts";
import { resolvePaths } from "./canonical/paths.ts";
import { interpolated, readDocuments } from "./read.ts";
import { checkSchema } from "./check/schema.ts";
import { unique } from "./merge/unique.ts";

type Stage<Place> = (document: Mapping, at: Place, loading: Loading) => Mapping | Promise<Mapping>;

interface Layer {
  readonly file: string;
  /** What the files before this one came to. */
  readonly base: Mapping | undefined;
}

/** For each document of each file, in turn. */
const LAYER: readonly Stage<Layer>[] = [
  (document, _, loading) => interpolated(document, loading),
  promoteAliases,
  (document, { file }, loading) => includeFiles(document, file, loading),
  (document, { file }, loading) => extendServices(document, file, loading),
  (document, { base }) => (base === undefined ? withoutMarks(document) : merge(base, document)),
  unique,
  async (document) => {
    await checkSchema(document);
    return document;
  },
  dropVersion,
  (document, _, loading) => canonical(document, loading),
  unique,
];

/** For a whole project, an included one too. */
const MODEL: readonly Stage<undefined>[] = [
  setDefaults,
  checkModel,
  (document, _, loading) => (loading.keepPaths ? document : resolvePaths(document, loading)),
  (document, _, loading) => inheritVariables(document, loading.env, loading.trace),
];

export async function loadModel(files: readonly string[], loading: Loading): Promise<Mapping> {
  let model: Mapping | undefined;
  for (const file of files) {
    for (const document of await readDocuments(file, loading)) {
      model = await run(LAYER, document, { file, base: model }, loading);
    }
  }
  if (model === undefined) throw new Error("loadModel: no files");
  return run(MODEL, model, undefined, loading);
}

async function run<Place>(
  stages: readonly Stage<Place>[],
  document: Mapping,
  at: Place,
  loading: Loading,
): Promise<Mapping> {
  let result = document;
  for (const stage of stages) {
    result = await stage(result, at, loading);
    // However large the project: what else waits, an engine's answer for one, gets its turn.
    await setImmediate();
  }
  return result;
}

function dropVersion(document: Mapping, _: Layer, { warn }: Loading): Mapping {
  const version = document.entries.get("version");
  if (version === undefined) return document;
  warn({ message: "version: has no meaning any more; remove it", position: place(version.at) });
  return withEntry(document, "version", undefined);
}
