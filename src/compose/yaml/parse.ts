/** YAML text to nodes, in the dialect of Compose; anchors live for the whole file. */
import type * as Yaml from "yaml";
import type { Alias, Document, ParsedNode, Scalar as YamlScalar, YAMLMap, YAMLSeq } from "yaml";
import { MAX_DEPTH, parseDocuments } from "../../lib/yamlDocuments.ts";
import type { DsoError } from "../../model/errors.ts";
import { controlCharacter, halfCharacter, isHarmless, yamlLines } from "./characters.ts";
import { createExtents, type Extent } from "./extent.ts";
import { empty, invalid, refuseNul } from "../fault.ts";
import type { Mapping, Node, Origin } from "../node.ts";
import { isNull, scalar } from "../node.ts";
import { asText } from "./scalars.ts";
import { resolveTagged } from "./tags.ts";

/** Beyond this a file is taken for an alias bomb: each alias counts as the nodes it stands for. */
const MAX_ALIASED_NODES = 100_000;

interface Reading {
  readonly yaml: typeof Yaml;
  readonly file: string;
  readonly text: string;
  readonly locate: (offset: number) => { line: number; col: number };
  readonly anchors: Map<string, Node>;
  readonly extentOf: (node: Node) => Extent;
  aliased: number;
}

/** One mapping for each document of the file. */
export async function parseYaml(file: string, source: string): Promise<readonly Mapping[]> {
  const yaml = await import("yaml");
  const lines = new yaml.LineCounter();
  const text = yamlLines(source);
  const reading: Reading = {
    yaml,
    file,
    text,
    locate: (offset) => lines.linePos(offset),
    anchors: new Map(),
    extentOf: createExtents(),
    aliased: 0,
  };
  const parsed = parseDocuments(yaml, text, lines, {
    schema: "failsafe",
    // As Go's YAML, which sees to the closing one alone.
    anyIndent: true,
    prettyErrors: false,
    uniqueKeys: false,
    logLevel: "silent",
    resolveKnownTags: false,
  });
  const control = controlCharacter(text);
  if (control >= 0)
    throw fault(reading, "a control character stands here", control, "Take it out.");
  if (parsed.documents === undefined) throw tooDeep(reading, parsed.tooDeepAt);
  const { documents } = parsed;
  if (documents.every((document) => document.contents === null)) {
    throw empty({ file, line: 1, column: 1 });
  }
  const bare = documents.slice(1).find(({ directives }) => directives.docStart !== true);
  if (bare !== undefined) {
    throw fault(
      reading,
      "a further document begins without ---",
      bare.range[0],
      "Write --- before it.",
    );
  }
  return documents.map((document) => readDocument(reading, document));
}

function tooDeep(reading: Reading, offset: number): DsoError {
  const what = `values are nested more than ${MAX_DEPTH} deep`;
  return fault(reading, what, offset, "Look whether brackets are missing or indentation is lost.");
}

function readDocument(reading: Reading, document: Document.Parsed): Mapping {
  const error = document.errors.find(({ code, message }) => !isHarmless(code, message));
  if (error !== undefined) throw fault(reading, error.message, error.pos[0]);
  const { version } = document.directives.yaml;
  if (document.directives.yaml.explicit === true && version !== "1.1") {
    throw fault(reading, `%YAML ${version} is not accepted`, 0, "Remove the %YAML line.");
  }
  const root = document.contents;
  const node = root === null ? undefined : readNode(reading, root);
  if (node === undefined || node.kind !== "mapping") {
    throw fault(
      reading,
      "the top level must be a mapping",
      document.range[0],
      "Each document of a compose file is a mapping such as `services: …`.",
    );
  }
  return node;
}

function fault(reading: Reading, message: string, offset: number, hint?: string): DsoError {
  return invalid(message, origin(reading, offset), hint);
}

function origin(reading: Reading, offset: number): Origin {
  const { line, col } = reading.locate(offset);
  return { file: reading.file, line: Math.max(line, 1), column: Math.max(col, 1), literal: true };
}

function readNode(reading: Reading, node: ParsedNode, keyAt?: Origin): Node {
  const { yaml } = reading;
  const at = origin(reading, node.range[0]);
  if (yaml.isAlias(node)) return readAlias(reading, node);
  const mark = markOf(node);
  const behind = reading.text.slice(Math.max(node.range[0] - 1, 0), node.range[0] + 1);
  if (mark.tag !== undefined && /^\S[,\]}]/.test(behind)) {
    throw invalid(`a space is missing behind ${node.tag ?? "the tag"}`, at);
  }
  const read: Node = yaml.isMap(node)
    ? readMapping(reading, node, keyAt ?? at, mark)
    : yaml.isSeq(node)
      ? { kind: "sequence", items: readItems(reading, node), at: keyAt ?? at, ...mark }
      : readScalar(reading, node, at, mark);
  if (node.anchor !== undefined) reading.anchors.set(node.anchor, read);
  return read;
}

function markOf({ tag }: ParsedNode): Pick<Node, "tag"> {
  if (tag === "!reset") return { tag: "reset" };
  return tag === "!override" ? { tag: "override" } : {};
}

function readItems(reading: Reading, node: YAMLSeq.Parsed): Node[] {
  const items = node.items.map((item) => readWord(reading, item) ?? readNode(reading, item));
  return items.filter((item) => item.tag !== "reset");
}

/** `a:` of `[a:, b]`, which is a word and no mapping. */
function readWord(reading: Reading, item: ParsedNode): Node | undefined {
  if (!reading.yaml.isMap(item) || reading.text.charAt(item.range[0]) === "{") return undefined;
  const key = item.items[0]?.key;
  const colon = key && ownColon(reading, key);
  if (!colon || !reading.yaml.isScalar(key)) return undefined;
  return { kind: "scalar", ...asText(`${key.source}:`), at: origin(reading, key.range[0]) };
}

/** A colon without a space behind it belongs to the plain text before it, as in `{a:, b: c}`. */
function ownColon({ yaml, text, ...reading }: Reading, key: ParsedNode): ":" | "" {
  if (!yaml.isScalar(key) || key.type !== "PLAIN") return "";
  const behind = text.slice(key.range[1], key.range[1] + 2);
  if (/^:[[{]/.test(behind)) {
    throw fault({ yaml, text, ...reading }, "a space is missing behind the colon", key.range[1]);
  }
  return /^:[,\]}]/.test(behind) ? ":" : "";
}

function readAlias(reading: Reading, alias: Alias.Parsed): Node {
  const target = reading.anchors.get(alias.source);
  if (target === undefined) {
    throw fault(
      reading,
      `unknown anchor "${alias.source}"`,
      alias.range[0],
      "Define it above with &.",
    );
  }
  const { size, depth } = reading.extentOf(target);
  if (depth > MAX_DEPTH) throw tooDeep(reading, alias.range[0]);
  reading.aliased += size;
  if (reading.aliased > MAX_ALIASED_NODES) {
    throw fault(reading, `aliases stand for more than ${MAX_ALIASED_NODES} values`, alias.range[0]);
  }
  return target;
}

function readMapping(
  reading: Reading,
  node: YAMLMap.Parsed,
  at: Origin,
  mark: Pick<Node, "tag">,
): Mapping {
  const own = new Map<string, Node>();
  const merged = new Map<string, Node>();
  let merges = 0;
  for (const { key, value } of node.items) {
    const keyAt = origin(reading, key.range[0]);
    if (isMergeKey(reading, key)) {
      if (++merges > 1) throw fault(reading, 'mapping key "<<" stands twice', key.range[0]);
      if (value?.tag === "!reset") continue;
      for (const [name, inherited] of mergeSource(reading, value, keyAt)) {
        merged.set(name, inherited);
      }
      continue;
    }
    const name = `${readKey(reading, key, keyAt)}${ownColon(reading, key)}`;
    if (own.has(name))
      throw invalid(`mapping key "${name}" stands twice`, keyAt, "Keep one of them.");
    const entry = value === null ? scalar(null, keyAt) : readNode(reading, value, keyAt);
    own.set(name, { ...entry, keyAt });
  }
  const inherited = [...merged].filter(([name]) => !own.has(name));
  return { kind: "mapping", entries: new Map([...inherited, ...own]), at, ...mark };
}

function isMergeKey(reading: Reading, key: ParsedNode | null): key is YamlScalar.Parsed {
  return (
    reading.yaml.isScalar(key) &&
    key.type === "PLAIN" &&
    key.source === "<<" &&
    (key.tag === undefined || key.tag === "tag:yaml.org,2002:merge")
  );
}

/** What `<<` brings: of several mappings the first one wins. */
function mergeSource(reading: Reading, value: ParsedNode | null, at: Origin): Map<string, Node> {
  const source = value === null ? undefined : readNode(reading, value);
  const sources = source?.kind === "sequence" ? source.items : source === undefined ? [] : [source];
  const merged = new Map<string, Node>();
  for (const one of sources.toReversed()) {
    if (one.kind !== "mapping") throw invalid("<< takes a mapping or a list of mappings", at);
    for (const [name, node] of one.entries) merged.set(name, node);
  }
  if (source === undefined || isNull(source)) {
    throw invalid("<< takes a mapping or a list of mappings", at);
  }
  return merged;
}

function readKey(reading: Reading, key: ParsedNode | null, at: Origin): string {
  const node = key === null ? undefined : readNode(reading, key);
  if (node?.kind !== "scalar" || typeof node.value !== "string" || node.timestamp === true) {
    const shown = node?.kind === "scalar" ? `: ${node.text === "" ? "null" : node.text}` : "";
    throw invalid(`a mapping key must be text${shown}`, at, "Put it in quotes.");
  }
  return node.value;
}

function readScalar(
  reading: Reading,
  node: YamlScalar.Parsed,
  at: Origin,
  mark: Pick<Node, "tag">,
): Node {
  const isPlain = node.type === "PLAIN";
  const source = isPlain ? node.source.replace(/^[ \t\r\n]+$/, "") : String(node.value);
  if (halfCharacter(reading.text.slice(node.range[0], node.range[1]))) {
    throw invalid("\\ud800 to \\udfff are no characters", at, "Write the whole one as \\U0001f…");
  }
  const resolved = resolveTagged(node.tag, source, isPlain);
  if (resolved === undefined && mark.tag === undefined) {
    throw invalid(`"${source}" is not a value that Compose accepts here`, at);
  }
  const { text, ...rest } = resolved ?? asText(source);
  refuseNul(text, at);
  return { kind: "scalar", text, ...rest, at, ...mark };
}
