/** A compose file's documents, before anything of them is understood. */
import { variable } from "./discover.ts";
import { readText } from "./text.ts";
import { interpolate } from "./variables/interpolate.ts";
import type { Mapping } from "./node.ts";
import { parseYaml } from "./yaml/parse.ts";
import type { Loading } from "./loading.ts";

/** Each file is read once in a load. */
export async function readDocuments(file: string, loading: Loading): Promise<readonly Mapping[]> {
  const known = loading.documents.get(file);
  if (known !== undefined) return known;
  const text = file === "-" ? loading.stdin : await readText(file, "the compose file", loading);
  const documents = await parseYaml(file === "-" ? "standard input" : file, text);
  loading.documents.set(file, documents);
  return documents;
}

export function interpolated(document: Mapping, loading: Loading): Mapping {
  const { env, keepVariables, trace, warn } = loading;
  if (keepVariables) return document;
  return interpolate(document, { lookup: (name) => variable(env, name, trace), warn });
}
