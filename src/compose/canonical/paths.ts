/** Makes the paths of the model absolute. */
import path from "node:path";
import { entriesOf, mapEntries, textAt, withEntry } from "../node.ts";
import type { Mapping, Node } from "../node.ts";
import { rewrite, rules } from "../rules.ts";
import type { Rewrite } from "../rules.ts";

export interface Bases {
  readonly workingDir: string;
  readonly home: string;
}

type Resolve = Rewrite<Bases>;

const SERVICE: Readonly<Record<string, Resolve>> = {
  "build.additional_contexts.*": context,
  "build.context": context,
  "build.ssh.*": hostPath,
  "develop.watch.*.path": file,
  "env_file.*.path": file,
  "extends.file": file,
  "label_file.*": file,
  "volumes.*": bindMount,
};

const PATHS = rules<Resolve>({
  ...Object.fromEntries(
    Object.entries(SERVICE).map(([place, resolve]) => [`services.*.${place}`, resolve]),
  ),
  "configs.*.file": hostPath,
  "secrets.*.file": hostPath,
  "volumes.*": boundVolume,
});

export function resolvePaths(document: Mapping, bases: Bases): Mapping {
  return rewrite(document, PATHS, bases) as Mapping;
}

function file(node: Node, _: unknown, bases: Bases): Node {
  if (node.kind !== "scalar" || typeof node.value !== "string" || node.value === "") return node;
  return { ...node, ...textValue(absolutePath(node.value, bases)) };
}

/** As `file`; a path of Windows stays, for the engine may run there, and nothing is the directory itself. */
function hostPath(node: Node, _: unknown, bases: Bases): Node {
  if (node.kind !== "scalar" || typeof node.value !== "string") return node;
  if (/^(\p{L}:[\\/]|\\\\)/u.test(node.value)) return node;
  return { ...node, ...textValue(absolutePath(node.value, bases)) };
}

function textValue(text: string) {
  return { value: text, text };
}

function absolutePath(text: string, { workingDir, home }: Bases): string {
  if (text.startsWith("~")) return path.resolve(home, text.replace(/^~\/*/, ""));
  return path.isAbsolute(text) ? text : path.resolve(workingDir, text);
}

/** What a build reads from elsewhere is no path. */
export function isRemote(text: string): boolean {
  return (
    /^(https?|git|ssh|oci):\/\//.test(text) ||
    /^(service|docker-image|oci-layout|target):/.test(text) ||
    /^(git@|github\.com\/)/.test(text)
  );
}

function context(node: Node, at: unknown, bases: Bases): Node {
  return isRemote(textAt(node) ?? "") ? node : file(node, at, bases);
}

function bindMount(node: Node, at: unknown, bases: Bases): Node {
  if (node.kind !== "mapping" || textAt(node, "type") !== "bind") return node;
  const source = node.entries.get("source");
  return source === undefined ? node : withEntry(node, "source", hostPath(source, at, bases));
}

/** A volume that is a directory of this host under another name. */
function boundVolume(node: Node, at: unknown, bases: Bases): Node {
  const options = entriesOf(node).get("driver_opts");
  const bound = textAt(node, "driver") === "local" && textAt(options, "o") === "bind";
  if (node.kind !== "mapping" || options === undefined || !bound) return node;
  const resolved = mapEntries(options, (value, key) =>
    key === "device" ? hostPath(value, at, bases) : value,
  );
  return withEntry(node, "driver_opts", resolved);
}
