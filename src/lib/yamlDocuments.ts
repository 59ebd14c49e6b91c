import type * as Yaml from "yaml";

type Options = Yaml.ParseOptions & Yaml.DocumentOptions & Yaml.SchemaOptions;

/**
 * Far beyond what a file means. Whatever works on its values calls itself for each level, the
 * parser first, whose stack ends after some hundred levels.
 */
export const MAX_DEPTH = 200;

/** Without `documents`: values are nested deeper than `MAX_DEPTH`, from this offset on. */
export type ParsedDocuments =
  | { readonly documents: readonly Yaml.Document.Parsed[] }
  | { readonly documents?: never; readonly tooDeepAt: number };

/**
 * The documents of the text, at least one: without contents where there are only comments. With `anyIndent`
 * lines between brackets and quotes may be indented as they like.
 */
export function parseDocuments(
  { Composer, Lexer, Parser }: typeof Yaml,
  text: string,
  lines: Yaml.LineCounter,
  { anyIndent = false, ...options }: Options & { readonly anyIndent?: boolean },
): ParsedDocuments {
  const lexer = anyIndent ? lenient(new Lexer()) : new Lexer();
  const tokens = tokensOf(new Parser(lines.addNewLine), lexer, text);
  lines.addNewLine(0);
  const read: Yaml.CST.Token[] = [];
  try {
    for (const token of tokens) {
      const tooDeepAt = offsetBelow(token, MAX_DEPTH);
      if (tooDeepAt !== undefined) return { tooDeepAt };
      read.push(token);
    }
  } catch (error) {
    // With some ten thousand levels even the stack of the tokens ends.
    if (error instanceof RangeError) return { tooDeepAt: 0 };
    throw error;
  }
  const composer = new Composer({ ...options, lineCounter: lines });
  return { documents: [...composer.compose(read, true, text.length)] as Yaml.Document.Parsed[] };
}

function* tokensOf(
  parser: Yaml.Parser,
  lexer: Yaml.Lexer,
  text: string,
): Generator<Yaml.CST.Token> {
  for (const lexeme of lexer.lex(text)) yield* parser.next(lexeme);
  yield* parser.end();
}

/** What the library keeps to itself of how far a line has to be indented. */
interface Indented extends Record<
  "parseFlowCollection" | "parseQuotedScalar",
  () => Generator<unknown, unknown>
> {
  indentNext: number;
}

/** The library has no option for it: an update of it that names these otherwise fails every test of the loader. */
function lenient(lexer: Yaml.Lexer): Yaml.Lexer {
  const inner = lexer as unknown as Indented;
  for (const name of ["parseFlowCollection", "parseQuotedScalar"] as const) {
    const strict = inner[name].bind(lexer);
    inner[name] = function* () {
      const wanted = inner.indentNext;
      inner.indentNext = 0;
      try {
        return yield* strict();
      } finally {
        inner.indentNext = wanted;
      }
    };
  }
  return lexer;
}

/** Where the first value deeper than `depth` stands. */
function offsetBelow(token: Yaml.CST.Token, depth: number): number | undefined {
  let level: readonly Yaml.CST.Token[] = [token];
  for (let below = 0; below <= depth && level.length > 0; below++) level = level.flatMap(children);
  return level[0]?.offset;
}

function children(token: Yaml.CST.Token): readonly Yaml.CST.Token[] {
  if (token.type === "document") return token.value === undefined ? [] : [token.value];
  if (!("items" in token)) return [];
  return token.items.flatMap(({ key, value }) =>
    [key, value].filter((part) => part !== null && part !== undefined),
  );
}
