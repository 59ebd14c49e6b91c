/** `include`: other projects' resources, each loaded in its own directory. */
import path from "node:path";
import { kindOf, readEnvFiles } from "../discover.ts";
import { invalid, unsupported } from "../fault.ts";
import { entriesOf, get, isNull, itemsOf, mapping, textAt, withEntry } from "../node.ts";
import type { Mapping, Node } from "../node.ts";
import { merge } from "./merge.ts";
import { isRemote } from "../canonical/paths.ts";
import type { Loading } from "../loading.ts";

const SECTIONS = ["services", "networks", "volumes", "secrets", "configs", "models", "jobs"];

/** Rejects with `compose-invalid`: a file that is not there, or one that includes itself. */
export async function includeFiles(
  document: Mapping,
  file: string,
  loading: Loading,
): Promise<Mapping> {
  const clause = document.entries.get("include");
  if (clause === undefined || clause.tag === "reset") return document;
  if (clause.kind !== "sequence") {
    throw invalid("include: expected a list", clause.at, "Write include: [file.yaml].");
  }
  let result = withEntry(document, "include", undefined);
  for (const entry of clause.items) {
    const model = await includeOne(entry, { ...loading, chain: [...loading.chain, file] });
    result = merge(importable(model), result);
  }
  return result;
}

async function includeOne(entry: Node, loading: Loading): Promise<Mapping> {
  const files = texts(get(entry, "path") ?? entry).map((file) => {
    if (isRemote(file)) {
      throw unsupported(
        `include: ${file} is not a local file`,
        entry.at,
        "Copy it into the project.",
      );
    }
    return path.resolve(loading.workingDir, file);
  });
  const [first] = files;
  if (first === undefined) return mapping([], entry.at);
  const again = files.find((file) => loading.chain.includes(file));
  if (again !== undefined) {
    throw invalid(`include: a cycle: ${[...loading.chain, again].join(" -> ")}`, entry.at);
  }
  const workingDir = directoryOf(entry, first, loading);
  const env = await environmentOf(entry, workingDir, loading);
  return loading.load(files, { ...loading, workingDir, env });
}

function texts(node: Node): readonly string[] {
  const items = node.kind === "sequence" ? node.items : [node];
  return items.flatMap((item) => textAt(item) ?? []);
}

function directoryOf(entry: Node, first: string, loading: Loading): string {
  const named = textAt(entry, "project_directory");
  if (named === undefined || named === "") return path.dirname(first);
  const directory = path.resolve(loading.workingDir, named);
  const there = path.isAbsolute(named) || kindOf(directory) === "directory";
  return there ? directory : path.dirname(directory);
}

async function environmentOf(entry: Node, directory: string, loading: Loading) {
  const named = get(entry, "env_file");
  if (named !== undefined && !isNull(named)) {
    const files = texts(named)
      .filter((file) => file !== "/dev/null")
      .map((file) => path.resolve(loading.workingDir, file));
    return readEnvFiles(loading.env, files, loading);
  }
  const fallback = path.join(directory, ".env");
  loading.trace.files.add(fallback);
  if (kindOf(fallback) !== "file") return loading.env;
  return readEnvFiles(loading.env, [fallback], loading);
}

function importable(model: Mapping): Mapping {
  const kept = [...model.entries].filter(([key]) => SECTIONS.includes(key));
  const filled = kept.filter(([, node]) => entriesOf(node).size > 0 || itemsOf(node).length > 0);
  return mapping(filled, model.at);
}
