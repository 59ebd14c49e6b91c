/** `extends`: a service that begins as a copy of another, of this file or of another one. */
import path from "node:path";
import { canonical } from "../canonical/index.ts";
import { invalid } from "../fault.ts";
import { entriesOf, get, isNull, mapping, textAt, withEntry } from "../node.ts";
import type { Mapping, Node } from "../node.ts";
import { merge, mergeService, withoutMarks } from "./merge.ts";
import { resolvePaths } from "../canonical/paths.ts";
import type { Loading } from "../loading.ts";
import { interpolated, readDocuments } from "../read.ts";
import { unique } from "./unique.ts";

interface Source {
  readonly file: string;
  readonly document: Mapping;
  readonly loading: Loading;
}

/** Rejects with `compose-invalid`: a base that is not there, or one that extends itself. */
export async function extendServices(
  document: Mapping,
  file: string,
  loading: Loading,
): Promise<Mapping> {
  const services = document.entries.get("services");
  if (services?.kind !== "mapping") return document;
  const extended = new Map<string, Node>();
  for (const name of services.entries.keys()) {
    extended.set(name, await extend(name, { file, document, loading }, []));
  }
  return withEntry(document, "services", { ...services, entries: extended });
}

async function extend(name: string, source: Source, chain: readonly string[]): Promise<Node> {
  const service = get(source.document, "services", name);
  if (service === undefined) throw new Error(`extend: no service ${name}`);
  const clause = get(service, "extends");
  if (service.kind !== "mapping" || clause === undefined || clause.tag === "reset") return service;
  const link = `${name} in ${source.file}`;
  if (chain.includes(link)) {
    throw invalid(`services.${name}: extends itself: ${[...chain, link].join(" -> ")}`, clause.at);
  }
  const wanted = textAt(clause) ?? textAt(clause, "service") ?? "";
  const from = await sourceOf(clause, source);
  if (get(from.document, "services", wanted) === undefined) {
    throw invalid(`services.${name}.extends: ${from.file} has no service "${wanted}"`, clause.at);
  }
  const base = await extend(wanted, from, [...chain, link]);
  const resolved = from === source ? base : resolveBase(base, wanted, from);
  if (isNull(resolved)) return service;
  if (resolved.kind !== "mapping") {
    throw invalid(`services.${wanted}: expected a mapping`, base.at);
  }
  const merged = mergeService(withoutMarks(resolved), service, name);
  return withEntry(merged, "extends", undefined);
}

async function sourceOf(clause: Node, source: Source): Promise<Source> {
  const named = textAt(clause, "file");
  const written = get(clause, "file");
  if (written !== undefined && written.kind !== "scalar") {
    throw invalid("extends.file: expected text", written.at);
  }
  if (named === undefined) return source;
  const { loading } = source;
  const file = path.resolve(loading.workingDir, named);
  const documents = await readDocuments(file, loading);
  const merged = documents
    .map((document) => interpolated(document, loading))
    .reduce((base, over) => merge(base, over), mapping([], clause.at));
  // What stands in the file has to be right, also where it is not asked for.
  canonical(unique(withoutMarks(merged)), loading);
  return { file, document: merged, loading: { ...loading, workingDir: path.dirname(file) } };
}

/** The paths of a service of another file are relative to that file. */
function resolveBase(base: Node, name: string, from: Source): Node {
  const services = mapping([[name, withoutMarks(base)]], base.at);
  const alone = mapping([["services", services]], base.at);
  const resolved = resolvePaths(canonical(unique(alone), from.loading), from.loading);
  return entriesOf(resolved.entries.get("services")).get(name) ?? base;
}
