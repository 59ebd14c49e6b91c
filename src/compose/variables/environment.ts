/** Variables without a value take the project's; `env_file` and `label_file` are read. */
import path from "node:path";
import type { Env } from "../discover.ts";
import { kindOf, variable } from "../discover.ts";
import { parseDotenv, parseRawEnv } from "./dotenv.ts";
import type { Variable } from "./dotenv.ts";
import { invalid } from "../fault.ts";
import {
  changeEntry,
  entriesOf,
  get,
  isNull,
  itemsOf,
  mapEntries,
  mapping,
  scalar,
  textAt,
  withEntry,
} from "../node.ts";
import type { Mapping, Node } from "../node.ts";
import { eachService, servicesOf } from "../services.ts";
import { readText } from "../text.ts";
import type { Lookup } from "./template.ts";
import type { Loading } from "../loading.ts";
import type { Trace } from "../trace.ts";

/** Where relative paths begin that nobody has made absolute. */
type Reading = Pick<Loading, "workingDir" | "signal" | "trace">;

/** `environment` and build arguments: `KEY` alone means the value of the project's environment. */
export function inheritVariables(document: Mapping, env: Env, trace: Trace): Mapping {
  const inherit = (node: Node): Node => {
    if (node.kind === "mapping")
      return mapEntries(node, (value, key) => inheritOne(value, key, ""));
    if (node.kind !== "sequence") return node;
    return { ...node, items: node.items.map((item) => inheritItem(item)) };
  };
  const inheritArguments = (node: Node): Node => {
    const inherited = inherit(node);
    if (inherited.kind === "sequence") {
      const set = inherited.items.filter((item) => textAt(item)?.includes("=") ?? true);
      return { ...inherited, items: set };
    }
    if (inherited.kind !== "mapping") return inherited;
    return { ...inherited, entries: new Map([...inherited.entries].filter(([, v]) => !isNull(v))) };
  };
  const inheritOne = (value: Node, key: string, prefix: string): Node => {
    const asks = isNull(value) || prefix !== "";
    const found = asks ? variable(env, key, trace) : undefined;
    if (asks && found === undefined) trace.unset.add(key);
    return found === undefined ? value : scalar(prefix + found, { ...value.at, literal: false });
  };
  const inheritItem = (item: Node): Node => {
    const text = textAt(item) ?? "";
    return text.includes("=") ? item : inheritOne(item, text, `${text}=`);
  };
  return eachService(document, (service) =>
    changeEntry(changeEntry(service, "environment", inherit), "build", (build) =>
      changeEntry(build, "args", inheritArguments),
    ),
  );
}

interface Wanted {
  /** The files of what runs before a service, too. */
  readonly before: boolean;
  /** Those of variables; else those of labels alone. */
  readonly variables: boolean;
}

/** Reads the files of each service and leaves their values in `environment` and `labels`. */
export async function readVariableFiles(
  document: Mapping,
  env: Env,
  reading: Reading,
  { before, variables }: Wanted,
): Promise<Mapping> {
  const read = new Map<string, Node>();
  const readOne = async (node: Node): Promise<Node> => {
    if (node.kind !== "mapping") return node;
    const whole = variables ? await readEnvFiles(node, env, reading) : node;
    return readLabelFiles(whole, reading);
  };
  for (const [name, service] of servicesOf(document)) {
    const list = get(service, "pre_start");
    const items: Node[] = [];
    if (before) for (const item of itemsOf(list)) items.push(await readOne(item));
    const whole = await readOne(service);
    const found = list?.kind === "sequence" && before ? { ...list, items } : list;
    read.set(name, found === undefined ? whole : changeEntry(whole, "pre_start", () => found));
  }
  return eachService(document, (service, name) => read.get(name) ?? service);
}

async function readEnvFiles(service: Mapping, env: Env, reading: Reading): Promise<Mapping> {
  const own = service.entries.get("environment");
  const files = service.entries.get("env_file");
  if (files === undefined) return service;
  const values = new Map<string, Node>();
  for (const entry of itemsOf(files)) {
    const lookup: Lookup = (name) => variable(env, name, reading.trace) ?? textAt(own, name);
    const earlier: Lookup = (name) => textAt(values.get(name));
    const read = await readVariables(entry, "env_file", lookup, earlier, reading);
    for (const [key, value] of read) values.set(key, value);
  }
  for (const [key, value] of entriesOf(own)) values.set(key, value);
  const merged = mapping(values, own?.at ?? files.at);
  return withEntry(withEntry(service, "env_file", undefined), "environment", merged);
}

async function readLabelFiles(service: Mapping, reading: Reading): Promise<Mapping> {
  const own = service.entries.get("labels");
  const files = service.entries.get("label_file");
  if (files === undefined) return service;
  const values = new Map<string, Node>();
  for (const entry of itemsOf(files)) {
    // Of labels the files before come first, too.
    const lookup: Lookup = (name) => textAt(values.get(name));
    const read = await readVariables(entry, "label_file", lookup, () => undefined, reading);
    for (const [key, value] of read) values.set(key, value);
  }
  for (const [key, value] of entriesOf(own)) values.set(key, value);
  const merged = mapping(values, own?.at ?? files.at);
  return withEntry(service, "labels", merged);
}

async function readVariables(
  entry: Node,
  field: string,
  lookup: Lookup,
  earlier: Lookup,
  reading: Reading,
): Promise<ReadonlyMap<string, Node>> {
  const file = path.resolve(reading.workingDir, textAt(entry) ?? textAt(entry, "path") ?? "");
  if (get(entry, "required") !== undefined && textAt(entry, "required") !== "true") {
    reading.trace.files.add(path.normalize(file));
    if (kindOf(file) === undefined) return new Map();
  }
  const format = textAt(entry, "format") ?? "";
  if (format !== "" && format !== "raw") {
    throw invalid(`env_file: unknown format "${format}"`, entry.at, "Use raw, or leave it out.");
  }
  const text = await readText(file, `the ${field}`, reading, entry.at);
  const unset = (name: string): void => void reading.trace.unset.add(name);
  const variables =
    format === "raw"
      ? parseRawEnv(file, text, lookup)
      : parseDotenv(file, text, lookup, { unset, earlier });
  return new Map([...variables].map(([key, variable]) => [key, fromFile(file, variable)] as const));
}

function fromFile(file: string, { value, line }: Variable): Node {
  return scalar(value, { file, line, column: 1, literal: false });
}
