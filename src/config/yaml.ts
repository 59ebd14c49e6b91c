/** YAML text as a plain value that knows where each part of it was written. */
import type { Document, LineCounter, Node, Pair } from "yaml";
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
  const { LineCounter, isMap, isScalar, parseDocument, visit } = await import("yaml");
  const lines = new LineCounter();
  const document = parseDocument(text, {
    lineCounter: lines,
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
  const [fault] = [...document.errors, ...document.warnings];
  if (fault !== undefined) refuse(fault.message, fault.pos[0]);
  visit(document, {
    Alias: (_, alias) => {
      if (alias.resolve(document)) return;
      refuse(`no anchor is named "${alias.source}"`, alias.range?.[0] ?? 0);
    },
  });
  const node = (path: Path): Node | undefined => nodeAt(document, path);
  const at = (path: Path): Position => {
    const range = node(path)?.range;
    if (range) return positionAt(lines, file, range[0]);
    return path.length === 0 ? { file, line: 1, column: 1 } : at(path.slice(0, -1));
  };
  const keyAt = (path: Path): Position => {
    const parent = node(path.slice(0, -1));
    const pairs: readonly Pair[] = isMap(parent) ? parent.items : [];
    const key = pairs.find((pair) => isScalar(pair.key) && pair.key.value === path.at(-1))?.key;
    return isScalar(key) && key.range ? positionAt(lines, file, key.range[0]) : at(path);
  };
  return { value: toValue(document, file), at, keyAt };
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
