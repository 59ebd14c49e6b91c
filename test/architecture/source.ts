import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import ts from "typescript";

/** One file of the project; `path` is relative to the root, with forward slashes. */
export interface Source {
  readonly path: string;
  readonly text: string;
}

const root = path.resolve(import.meta.dirname, "../..");
const skipped = new Set(["generated", "node_modules"]);

/** Every script and module below `folder`, generated ones left out; sorted by path. */
export function readSources(folder: string): Source[] {
  const found = readdirSync(path.join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const name = `${folder}/${entry.name}`;
    if (entry.isDirectory()) return skipped.has(entry.name) ? [] : readSources(name);
    const isCode = /\.[cm]?[jt]s$/.test(name) || !entry.name.includes(".");
    return isCode ? [{ path: name, text: readFileSync(path.join(root, name), "utf8") }] : [];
  });
  return found.sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** The names of the folders directly below `folder`. */
export function foldersOf(folder: string): string[] {
  return readdirSync(path.join(root, folder), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name);
}

export function parse(source: Source): ts.SourceFile {
  return ts.createSourceFile(source.path, source.text, ts.ScriptTarget.Latest, true);
}

/** Every node of the file, parents first. */
export function* nodesOf(node: ts.Node): Generator<ts.Node> {
  yield node;
  const children: ts.Node[] = [];
  node.forEachChild((child) => {
    children.push(child);
  });
  for (const child of children) yield* nodesOf(child);
}

function specifierOf(node: ts.Node): ts.Node | undefined {
  if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) return node.moduleSpecifier;
  if (ts.isImportTypeNode(node))
    return ts.isLiteralTypeNode(node.argument) ? node.argument.literal : undefined;
  const loads =
    ts.isCallExpression(node) &&
    (node.expression.kind === ts.SyntaxKind.ImportKeyword ||
      (ts.isIdentifier(node.expression) && node.expression.text === "require"));
  return loads ? node.arguments[0] : undefined;
}

/**
 * What a file imports in any way: statements, `export from`, `import()` and types. Our own files come
 * as paths from the root, packages as they are written, a name made at run time as `?`.
 */
export function importsOf(source: Source): string[] {
  const found = new Set<string>();
  for (const node of nodesOf(parse(source))) {
    const specifier = specifierOf(node);
    if (specifier === undefined) continue;
    const name = ts.isStringLiteralLike(specifier) ? specifier.text : "?";
    found.add(name.startsWith(".") ? path.posix.join(path.posix.dirname(source.path), name) : name);
  }
  return [...found];
}
