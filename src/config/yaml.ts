/** YAML text as a plain value that knows where each part of it was written. */
import type * as Yaml from "yaml";
import type { Document, LineCounter, Node, Pair } from "yaml";
import { MAX_DEPTH, parseDocuments } from "../lib/yamlDocuments.ts";
import { DsoError, type Position } from "../model/errors.ts";

export type Path = readonly (string | number)[];

export interface YamlText {
  readonly value: unknown;
  /** The position of the value at the path, else of its closest parent. */
  at(path: Path): Position;
  /** The position of the last key of the path. */
  keyAt(path: Path): Position;
}

/** Rejects with `config-invalid` for what is no YAML, or more than one document. */
export async function readYaml(text: string, file: string): Promise<YamlText> {
  const yaml = await import("yaml");
  const lines = new yaml.LineCounter();
  const parsed = parseDocuments(yaml, text, lines, {
    merge: true,
    prettyErrors: false,
    stringKeys: true,
  });
  const refuse = (message: string, offset: number): never => {
    throw new DsoError("config-invalid", `not valid YAML: ${message}`, {
      hint: "Correct the line, or compare it with the reference of dso.yaml.",
      position: positionAt(lines, file, offset),
    });
  };
  if (parsed.documents === undefined) {
    return refuse(`values are nested more than ${MAX_DEPTH} deep`, parsed.tooDeepAt);
  }
  const [document, second] = parsed.documents;
  if (document === undefined) throw new Error("readYaml: no document");
  if (second !== undefined) refuse("there is more than one document", second.range[0]);
  const [fault] = [...document.errors, ...document.warnings];
  if (fault !== undefined) refuse(fault.message, fault.pos[0]);
  yaml.visit(document, {
    Alias: (_, alias) => {
      if (alias.resolve(document)) return;
      refuse(`no anchor is named "${alias.source}"`, alias.range?.[0] ?? 0);
    },
  });
  return { value: toValue(document, file), ...placesIn(yaml, document, lines, file) };
}

function placesIn(
  yaml: typeof Yaml,
  document: Document.Parsed,
  lines: LineCounter,
  file: string,
): Pick<YamlText, "at" | "keyAt"> {
  const node = (path: Path): Node | undefined => nodeAt(document, path);
  const at = (path: Path): Position => {
    const range = node(path)?.range;
    if (range) return positionAt(lines, file, range[0]);
    return path.length === 0 ? { file, line: 1, column: 1 } : at(path.slice(0, -1));
  };
  const keyAt = (path: Path): Position => {
    const parent = node(path.slice(0, -1));
    const pairs: readonly Pair[] = yaml.isMap(parent) ? parent.items : [];
    const key = pairs.find(
      (pair) => yaml.isScalar(pair.key) && pair.key.value === path.at(-1),
    )?.key;
    return yaml.isScalar(key) && key.range ? positionAt(lines, file, key.range[0]) : at(path);
  };
  return { at, keyAt };
}

function nodeAt(document: Document.Parsed, path: Path): Node | undefined {
  return path.length === 0
    ? (document.contents ?? undefined)
    : (document.getIn(path, true) as Node | undefined);
}

function toValue(document: Document.Parsed, file: string): unknown {
  try {
    return document.toJS();
  } catch (error) {
    throw new DsoError("config-invalid", `not valid YAML: ${(error as Error).message}`, {
      hint: "Write out what the aliases stand for.",
      position: { file, line: 1, column: 1 },
    });
  }
}

function positionAt(lines: LineCounter, file: string, offset: number): Position {
  const { line, col } = lines.linePos(offset);
  return { file, line: Math.max(line, 1), column: Math.max(col, 1) };
}
