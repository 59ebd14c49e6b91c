/** Sizes, durations and command lines as Compose reads and writes them. */

const DECIMAL = /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i;
const HEXADECIMAL = /^([-+]?)0x([\da-f]*)\.?([\da-f]*)p([-+]?\d+)$/i;

/** A number as Go reads one from text: `1_0.5`, `1e3`, `0x1p-2`; undefined for anything else, infinity too. */
export function parseGoFloat(text: string): number | undefined {
  if (/(?<![\da-fx])_|_(?![\da-f])/i.test(text)) return undefined;
  const plain = text.replaceAll("_", "");
  const [, sign, whole = "", fraction = "", power] = HEXADECIMAL.exec(plain) ?? [];
  if (power === undefined) return DECIMAL.test(plain) ? finite(Number(plain)) : undefined;
  if (whole + fraction === "") return undefined;
  const size = parseInt(whole + fraction, 16) * 2 ** (Number(power) - 4 * fraction.length);
  return finite(sign === "-" ? -size : size);
}

function finite(value: number): number | undefined {
  return Number.isFinite(value) ? value : undefined;
}

const TRUE: ReadonlySet<string> = new Set(["y", "yes", "true", "on"]);
const FALSE: ReadonlySet<string> = new Set(["n", "no", "false", "off"]);

/** True or false in any of YAML's old words for them; undefined for anything else. */
export function parseFlag(text: string): boolean | undefined {
  const word = text.toLowerCase();
  return TRUE.has(word) ? true : FALSE.has(word) ? false : undefined;
}

const SCALE: Readonly<Record<string, number>> = {
  "": 1,
  b: 1,
  k: 1024,
  m: 1024 ** 2,
  g: 1024 ** 3,
  t: 1024 ** 4,
  p: 1024 ** 5,
};

/** Bytes of `64m`, `1.5gb`, `512`; undefined for anything else. */
export function parseBytes(text: string): number | undefined {
  const match = /^(.*?[\d.]) ?([kmgtp]?)(i?b)?$/is.exec(text);
  const [, amount = "", letter = "", ending = ""] = match ?? [];
  if (letter === "" && ending.toLowerCase() === "ib") return undefined;
  const value = parseGoFloat(amount);
  return value === undefined || value < 0
    ? undefined
    : Math.trunc(value * (SCALE[letter.toLowerCase()] ?? 1));
}

const NANOSECONDS: Readonly<Record<string, bigint>> = {
  ns: 1n,
  us: 1000n,
  µs: 1000n,
  μs: 1000n,
  ms: 1_000_000n,
  s: 1_000_000_000n,
  m: 60_000_000_000n,
  h: 3_600_000_000_000n,
  d: 86_400_000_000_000n,
  w: 604_800_000_000_000n,
};

/** Nanoseconds of a Go duration, days and weeks added; undefined when the text is none. */
export function parseGoDuration(text: string): bigint | undefined {
  const [, sign, body = ""] = /^([-+]?)(.*)$/s.exec(text) ?? [];
  if (body === "0") return 0n;
  const parts = [...body.matchAll(/(\d*)(?:\.(\d*))?(ns|us|µs|μs|ms|s|m|h|d|w)/gy)];
  if (parts.length === 0 || parts.map(([part]) => part).join("") !== body) return undefined;
  let sum = 0n;
  for (const [, whole = "", fraction = "", unit = ""] of parts) {
    if (whole === "" && fraction === "") return undefined;
    const scale = NANOSECONDS[unit] ?? 0n;
    const digits = fraction.slice(0, 18);
    sum += BigInt(whole === "" ? 0 : whole) * scale;
    if (digits !== "") sum += (BigInt(digits) * scale) / 10n ** BigInt(digits.length);
  }
  if (sum > 0x7fffffffffffffffn) return undefined;
  return sign === "-" ? -sum : sum;
}

/** Go's notation: `1m30s`, `1.5s`, `250ms`, `0s`. */
export function showGoDuration(nanoseconds: bigint): string {
  if (nanoseconds < 0n) return `-${showGoDuration(-nanoseconds)}`;
  if (nanoseconds === 0n) return "0s";
  if (nanoseconds < 1_000_000_000n) {
    const [unit, scale] =
      nanoseconds < 1000n
        ? (["ns", 1n] as const)
        : nanoseconds < 1_000_000n
          ? (["µs", 1000n] as const)
          : (["ms", 1_000_000n] as const);
    return `${decimal(nanoseconds, scale)}${unit}`;
  }
  const hours = nanoseconds / 3_600_000_000_000n;
  const minutes = (nanoseconds / 60_000_000_000n) % 60n;
  const seconds = decimal(nanoseconds % 60_000_000_000n, 1_000_000_000n);
  if (hours > 0n) return `${hours}h${minutes}m${seconds}s`;
  return minutes > 0n ? `${minutes}m${seconds}s` : `${seconds}s`;
}

function decimal(value: bigint, scale: bigint): string {
  const rest = value % scale;
  const whole = value / scale;
  if (rest === 0n) return whole.toString();
  const digits = rest.toString().padStart(scale.toString().length - 1, "0");
  return `${whole}.${digits.replace(/0+$/, "")}`;
}

/** The shortest decimal that is the same 32-bit float. */
export function float32(value: number): number {
  const rounded = Math.fround(value);
  for (let precision = 1; precision < 10; precision++) {
    const short = Number(rounded.toPrecision(precision));
    if (Math.fround(short) === rounded) return short;
  }
  return rounded;
}

interface Words {
  readonly words: string[];
  word: string;
  open: boolean;
  quote: "" | "'" | '"' | "`" | "$(";
}

/**
 * The words of a command line: quotes and backslashes as in a shell, nothing
 * else of one. Reading ends at an unquoted `;`, `&`, `|`, `<` or `>`.
 * Undefined when a quote does not end.
 */
export function splitWords(line: string): string[] | undefined {
  const state: Words = { words: [], word: "", open: false, quote: "" };
  for (let i = 0; i < line.length; i++) {
    const character = line.charAt(i);
    if (character === "\\" && state.quote !== "'") {
      i++;
      if (i >= line.length) return undefined;
      state.word += line.charAt(i);
      state.open = true;
    } else if (!takeCharacter(state, character)) break;
  }
  if (state.quote !== "") return undefined;
  if (state.open) state.words.push(state.word);
  return state.words;
}

/** False when the line ends here. */
function takeCharacter(state: Words, character: string): boolean {
  if (state.quote !== "") return takeQuoted(state, character);
  if (/[ \t\r\n]/.test(character)) {
    if (state.open) state.words.push(state.word);
    state.word = "";
    state.open = false;
    return true;
  }
  if (/[;&|<>]/.test(character)) return endLine(state, character);
  if (character === "'" || character === '"') state.quote = character;
  else {
    if (character === "`") state.quote = "`";
    if (character === ")" || (character === "(" && state.word.endsWith("$"))) state.quote = "$(";
    state.word += character;
  }
  state.open = true;
  return true;
}

/** A file descriptor before a redirection (`2>`) is no word. */
function endLine(state: Words, character: string): boolean {
  if (character === ">" && /^\d$/.test(state.word)) state.open = false;
  return false;
}

function takeQuoted(state: Words, character: string): boolean {
  const end = state.quote === "$(" ? ")" : state.quote;
  if (character === end) {
    if (state.quote === "`" || state.quote === "$(") state.word += character;
    state.quote = "";
  } else state.word += character;
  return true;
}
