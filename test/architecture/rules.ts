import { isBuiltin } from "node:module";
import ts from "typescript";
import { importsOf, nodesOf, parse, type Source } from "./source.ts";

/** From the outside in: a file may import what has a lower number, and its own folder. */
const ranks = new Map([
  ["main.ts", 7],
  ["cli", 6],
  ["wire.ts", 5],
  ["agent", 4],
  ["reconciler", 3],
  ["sources", 2],
  ["diff", 2],
  ["apply", 2],
  ["compose", 1],
  ["config", 1],
  ["docker", 1],
  ["providers", 1],
  ["model", 0],
]);

const pureFolders = new Set(["model", "diff"]);
const pureBuiltins = new Set(["node:crypto", "node:util", "node:path", "node:buffer"]);
const impureNames = new Set([
  "process",
  "console",
  "fetch",
  "performance",
  "setTimeout",
  "setInterval",
  "setImmediate",
]);
const impureCalls = new Set(["Date.now", "Math.random", "new Date"]);

/** `src/diff/a.ts` -> `diff`, `src/main.ts` -> `main.ts`. */
function roomOf(path: string): string {
  return path.split("/")[1] ?? path;
}

function isOurs(path: string): boolean {
  return path.startsWith("src/");
}

function mayImport(from: string, to: string): boolean {
  const [fromRoom, toRoom] = [roomOf(from), roomOf(to)];
  if (fromRoom === toRoom || toRoom === "lib") return true;
  // Every file may fail in the project's words, the domain-free ones too.
  if (fromRoom === "lib") return to === "src/model/errors.ts";
  const [fromRank, toRank] = [ranks.get(fromRoom), ranks.get(toRoom)];
  return fromRank !== undefined && toRank !== undefined && toRank < fromRank;
}

/** Imports that go against the arrows, and folders that have no place in them. */
export function wrongArrows(sources: readonly Source[]): string[] {
  const rooms = new Set(sources.map(({ path }) => roomOf(path)));
  const unknown = [...rooms].filter((room) => room !== "lib" && !ranks.has(room));
  const wrong = sources.flatMap((source) =>
    importsOf(source)
      .filter((target) => isOurs(target) && !mayImport(source.path, target))
      .map((target) => `${source.path} -> ${target}`),
  );
  return [...unknown.map((room) => `src/${room} has no place in the order`), ...wrong];
}

/** Every cycle once, as `a -> b -> a`; an import of a type alone counts like any other. */
export function cycles(sources: readonly Source[]): string[] {
  const graph = new Map(sources.map((source) => [source.path, importsOf(source).filter(isOurs)]));
  const done = new Set<string>();
  const found: string[] = [];
  const visit = (path: string, trail: readonly string[]): void => {
    const start = trail.indexOf(path);
    if (start >= 0) found.push([...trail.slice(start), path].join(" -> "));
    if (start >= 0 || done.has(path)) return;
    for (const target of graph.get(path) ?? []) visit(target, [...trail, path]);
    done.add(path);
  };
  for (const path of graph.keys()) visit(path, []);
  return found;
}

function at(source: Source, file: ts.SourceFile, node: ts.Node, what: string): string {
  const { line } = file.getLineAndCharacterOfPosition(node.getStart());
  return `${source.path}:${String(line + 1)} ${what}`;
}

/** A member, a key or a declaration of that name, not the global one. */
function isName(node: ts.Identifier): boolean {
  const { parent } = node;
  return "name" in parent && parent.name === node;
}

/** What the file declares or imports itself under the name of a global. */
function ownNames(file: ts.SourceFile): Set<string> {
  const declares = (node: ts.Node): node is ts.NamedDeclaration =>
    ts.isFunctionDeclaration(node) ||
    ts.isVariableDeclaration(node) ||
    ts.isParameter(node) ||
    ts.isImportSpecifier(node);
  const declared = [...nodesOf(file)].filter(declares);
  return new Set(declared.map(({ name }) => name?.getText() ?? ""));
}

function impurityOf(node: ts.Node, own: ReadonlySet<string>): string | undefined {
  if (ts.isAwaitExpression(node)) return "await";
  if (ts.isIdentifier(node)) {
    const isGlobal = impureNames.has(node.text) && !isName(node) && !own.has(node.text);
    return isGlobal ? node.text : undefined;
  }
  if (ts.isNewExpression(node) && (node.arguments?.length ?? 0) > 0) return undefined;
  if (!ts.isCallExpression(node) && !ts.isNewExpression(node)) return undefined;
  const called = `${ts.isNewExpression(node) ? "new " : ""}${node.expression.getText()}`;
  return impureCalls.has(called) ? called : undefined;
}

/** Input, output, clocks and waiting where only values may come and go. */
export function impurities(sources: readonly Source[]): string[] {
  return sources
    .filter(({ path }) => pureFolders.has(roomOf(path)))
    .flatMap((source) => {
      const file = parse(source);
      const imported = importsOf(source)
        .filter((name) => isBuiltin(name) && !pureBuiltins.has(name))
        .map((name) => `${source.path} imports ${name}`);
      const own = ownNames(file);
      const used = [...nodesOf(file)].flatMap((node) => {
        const impurity = impurityOf(node, own);
        return impurity === undefined ? [] : [at(source, file, node, impurity)];
      });
      return [...imported, ...used];
    });
}

/** Places that look into a secret and are neither delivery nor a provider. */
export function reveals(sources: readonly Source[]): string[] {
  const allowed = /^src\/(apply\/|providers\/|model\/secret\.ts$)/;
  return sources
    .filter(({ path }) => !allowed.test(path))
    .flatMap((source) => {
      const file = parse(source);
      return [...nodesOf(file)]
        .filter((node) => ts.isPropertyAccessExpression(node) && node.name.text === "reveal")
        .map((node) => at(source, file, node, ".reveal"));
    });
}

/** A container made empty to be filled later; one whose type is read-only stays a constant. */
function isToBeFilled({ initializer, type }: ts.VariableDeclaration): boolean {
  if (initializer === undefined || /^readonly/i.test(type?.getText() ?? "")) return false;
  if (ts.isNewExpression(initializer)) return (initializer.arguments?.length ?? 0) === 0;
  if (ts.isArrayLiteralExpression(initializer)) return initializer.elements.length === 0;
  const isTable = type?.getText().startsWith("Record<") ?? false;
  return (
    isTable && ts.isObjectLiteralExpression(initializer) && initializer.properties.length === 0
  );
}

/** What a module keeps or does by being loaded: variables, containers to be filled, statements. */
export function moduleState(sources: readonly Source[]): string[] {
  return sources
    .filter(({ path }) => path !== "src/main.ts")
    .flatMap((source) => {
      const file = parse(source);
      return file.statements.flatMap((statement) => {
        if (ts.isExpressionStatement(statement))
          return [at(source, file, statement, "work at import")];
        if (!ts.isVariableStatement(statement)) return [];
        const { declarations, flags } = statement.declarationList;
        if ((flags & ts.NodeFlags.Const) === 0)
          return [at(source, file, statement, "let at the top")];
        return declarations
          .filter(isToBeFilled)
          .map((node) => at(source, file, node, "an empty container at the top"));
      });
    });
}

/** Files of more than `most` lines. */
export function longFiles(sources: readonly Source[], most: number): string[] {
  return sources
    .map(({ path, text }) => ({ path, lines: text.split("\n").length - 1 }))
    .filter(({ lines }) => lines > most)
    .map(({ path, lines }) => `${path} has ${String(lines)} lines`);
}
