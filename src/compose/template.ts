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

const NAME = /^[_a-zA-Z][_a-zA-Z0-9]*/;

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
  let text = "";
  let rest = template;
  for (;;) {
    const dollar = rest.indexOf("$");
    if (dollar < 0) return text + rest;
    text += rest.slice(0, dollar);
    const [value, length] = expandAt(rest.slice(dollar), state);
    text += value;
    rest = rest.slice(dollar + length);
  }
}

/** The text that stands for the beginning of `source`, which is a `$`, and how much of it that was. */
function expandAt(source: string, state: State): readonly [string, number] {
  if (source[1] === "$") return ["$", 2];
  const name = NAME.exec(source.slice(1))?.[0];
  if (name !== undefined) return [plain(name, state), name.length + 1];
  if (source[1] !== "{") return ["$", 1];
  const end = closingBrace(source);
  if (end === undefined) return [invalidTemplate(state), source.length];
  if (++state.depth > MAX_DEPTH) return [tooDeep(state), source.length];
  const text = braced(source.slice(2, end), state);
  state.depth--;
  return [text, end + 1];
}

/** On the same line: Compose looks no further. */
function closingBrace(source: string): number | undefined {
  let open = 0;
  for (let i = 0; i < source.length; i++) {
    if (source.startsWith("${", i)) {
      open++;
      i++;
    } else if (source[i] === "}" && --open === 0) return i;
    else if (source[i] === "\n") return undefined;
  }
  return undefined;
}

function plain(name: string, state: State): string {
  const value = state.lookup(name);
  state.used = true;
  if (value === undefined) state.missing.push(name);
  return value ?? "";
}

function braced(inner: string, state: State): string {
  const name = NAME.exec(inner)?.[0];
  if (name === undefined) return invalidTemplate(state);
  const rest = inner.slice(name.length);
  if (rest === "") return plain(name, state);
  const operator = /^:?[-?+]/.exec(rest)?.[0];
  if (operator === undefined) return invalidTemplate(state);
  state.used = true;
  const value = state.lookup(name);
  const present = value !== undefined && (operator.length === 1 || value !== "");
  const word = rest.slice(operator.length);
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
