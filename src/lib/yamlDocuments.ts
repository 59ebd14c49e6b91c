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

/** The documents of the text, at least one: without contents where there are only comments. */
export function parseDocuments(
  { Composer, Parser }: typeof Yaml,
  text: string,
  lines: Yaml.LineCounter,
  options: Options,
): ParsedDocuments {
  const tokens = new Parser(lines.addNewLine).parse(text);
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
