/** Compose's `${…}`. */

export type Lookup = (name: string) => string | undefined;

export interface Substituted {
  readonly text: string;
  /** Names that had no value and became the empty text. */
  readonly missing: readonly string[];
  /** A variable went into the text. */
  readonly used: boolean;
  /** Why the text is no template, or which required variable has no value. */
  readonly fault?: string;
}

interface State {
  readonly lookup: Lookup;
  readonly missing: string[];
  used: boolean;
  /** Of `${…}` in one another. */
  depth: number;
  fault?: string;
}

/** Each level is a call within a call. */
const MAX_DEPTH = 100;

const NAME = /^[_a-z][_a-z0-9]*/iu;

export function substitute(template: string, lookup: Lookup): Substituted {
  const state: State = { lookup, missing: [], used: false, depth: 0 };
  const text = expand(template, state);
  const { missing, used, fault } = state;
  return { text, missing, used, ...(fault === undefined ? {} : { fault }) };
}

/** Doubles each `$`, so that `substitute` gives the text back. */
export function escapeTemplate(text: string): string {
  return text.replaceAll("$", "$$$$");
}

function expand(template: string, state: State): string {
  return [...tokensOf(template)].map((token) => textOf(token, state)).join("");
}

function textOf(token: Token, state: State): string {
  if (token.kind === "text") return token.text;
  if (token.kind === "invalid") return invalidTemplate(state);
  if (token.operator === undefined) return plain(token.name, state);
  if (++state.depth > MAX_DEPTH) return tooDeep(state);
  const text = conditional(token, token.operator, state);
  state.depth--;
  return text;
}

interface Variable {
  readonly kind: "variable";
  readonly name: string;
  /** What `${…}` says beyond the name: `:-`, `-`, `:?`, `?`, `:+`, `+`. */
  readonly operator?: string;
  /** After the operator. */
  readonly word: string;
}

/** `length` is how much of the template it takes up. */
type Token = { readonly length: number } & (
  Variable | { readonly kind: "text"; readonly text: string } | { readonly kind: "invalid" }
);

function* tokensOf(template: string): Generator<Token> {
  for (let rest = template; rest !== "";) {
    const dollar = rest.indexOf("$");
    const text = dollar < 0 ? rest : rest.slice(0, dollar);
    const token: Token = dollar === 0 ? tokenAt(rest) : { kind: "text", text, length: text.length };
    yield token;
    rest = rest.slice(token.length);
  }
}

/** What stands at the beginning of `source`, which is a `$`. */
function tokenAt(source: string): Token {
  if (source[1] === "$") return { kind: "text", text: "$", length: 2 };
  const name = NAME.exec(source.slice(1))?.[0];
  if (name !== undefined) return { kind: "variable", name, word: "", length: name.length + 1 };
  if (source[1] !== "{") return { kind: "text", text: "$", length: 1 };
  const end = closingBrace(source);
  const variable = end === undefined ? undefined : braced(source.slice(2, end));
  if (end === undefined || variable === undefined) {
    return { kind: "invalid", length: source.length };
  }
  return { ...variable, length: end + 1 };
}

function braced(inner: string): Variable | undefined {
  const name = NAME.exec(inner)?.[0];
  if (name === undefined) return undefined;
  const rest = inner.slice(name.length);
  if (rest === "") return { kind: "variable", name, word: "" };
  const operator = /^:?[-?+]/.exec(rest)?.[0];
  if (operator === undefined) return undefined;
  return { kind: "variable", name, operator, word: rest.slice(operator.length) };
}

/**
 * On the same line: Compose looks no further. A brace counts with and without a dollar sign, and what stands
 * behind an opening one never closes it; where they do not fit together, the last one of the line ends it.
 */
function closingBrace(source: string): number | undefined {
  const name = NAME.exec(source.slice(2))?.[0] ?? "";
  if (source[name.length + 2] === "}") return name.length + 2;
  const [line = ""] = source.split("\n", 1);
  const last = line.lastIndexOf("}");
  let open = 0;
  for (let i = 0; i <= last; i++) {
    if (source[i] === "}" && --open === 0) return i;
    if (source[i] === "{") {
      open++;
      i++;
    }
  }
  return last < 0 ? undefined : last;
}

function plain(name: string, state: State): string {
  const value = state.lookup(name);
  state.used = true;
  if (value === undefined) state.missing.push(name);
  return value ?? "";
}

function conditional({ name, word }: Variable, operator: string, state: State): string {
  state.used = true;
  const value = state.lookup(name);
  const present = value !== undefined && (operator.length === 1 || value !== "");
  if (operator.endsWith("+")) return present ? expand(word, state) : "";
  if (present) return value;
  if (operator.endsWith("-")) return expand(word, state);
  const message = expand(word, state);
  state.fault ??= `the variable ${name} is required${message === "" ? "" : `: ${message}`}`;
  return "";
}

function tooDeep(state: State): string {
  state.fault ??= `variables are nested more than ${MAX_DEPTH} deep`;
  return "";
}

/** The text itself is not told: a variable file may hold something secret. */
function invalidTemplate(state: State): string {
  state.fault ??= "what follows ${ is not a valid variable; write $$ for a dollar sign";
  return "";
}

/** One place that asks for a variable, whatever its value is. */
export interface Use {
  readonly name: string;
  /** There is no text without a value. */
  readonly required: boolean;
  /** The words of `-` and `+`, as they are written; empty: none. */
  readonly fallback: string;
  readonly alternate: string;
}

/** Also those in the words of others, but for the message of a required one: no text comes of that. */
export function usesIn(template: string): { uses: readonly Use[]; fault?: string } {
  const state: State = { lookup: () => undefined, missing: [], used: false, depth: 0 };
  const uses = usesWithin(template, state);
  return { uses, ...(state.fault === undefined ? {} : { fault: state.fault }) };
}

function usesWithin(template: string, state: State): readonly Use[] {
  return [...tokensOf(template)].flatMap((token) => {
    if (token.kind === "invalid") invalidTemplate(state);
    if (token.kind !== "variable") return [];
    const { name, operator = "", word } = token;
    const required = operator.endsWith("?");
    const fallback = operator.endsWith("-") ? word : "";
    const alternate = operator.endsWith("+") ? word : "";
    const own: Use = { name, required, fallback, alternate };
    if (required || word === "") return own;
    if (++state.depth > MAX_DEPTH) tooDeep(state);
    const inner = state.depth > MAX_DEPTH ? [] : usesWithin(word, state);
    state.depth--;
    return [own, ...inner];
  });
}
