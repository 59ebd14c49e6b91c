/** Spelling of flags: Terraform's `-auto-approve` and POSIX's `--auto-approve` are one. */

/** What the spelling needs to know of one declared flag. */
export interface KnownFlag {
  /** Without dashes, `no-` of negations included. */
  readonly long: string | undefined;
  readonly short: string | undefined;
  readonly takesValue: boolean;
}

export interface ReadFlags {
  /** Respelled with two dashes, operands among them unless `untilOperand`. */
  readonly read: readonly string[];
  /** From the first operand on, as given; empty unless `untilOperand`. */
  readonly rest: readonly string[];
}

/**
 * Respells the long flags that are known, leaves everything else as it is (the
 * parser complains about it), and does not look beyond `--`. `-json=true` becomes
 * `--json`, `-json=false` nothing, as Terraform reads them.
 */
export function readFlags(
  argv: readonly string[],
  flags: readonly KnownFlag[],
  untilOperand: boolean,
): ReadFlags {
  const read: string[] = [];
  for (let at = 0; at < argv.length; at++) {
    const token = argv[at] ?? "";
    if (token === "--" && !untilOperand) return { read: [...read, ...argv.slice(at)], rest: [] };
    if (!isFlag(token) || token === "--") {
      if (untilOperand) return { read, rest: argv.slice(at) };
      read.push(token);
      continue;
    }
    const spelled = respell(token, flags);
    if (spelled !== undefined) read.push(spelled);
    const value = argv[at + 1];
    if (spelled !== undefined && value !== undefined && wantsNext(spelled, flags)) {
      read.push(value);
      at++;
    }
  }
  return { read, rest: [] };
}

/** A lone dash is an operand: standard input. */
function isFlag(token: string): boolean {
  return token.startsWith("-") && token !== "-";
}

/** Undefined: the flag is switched off, so it is as if it were not there. */
function respell(token: string, flags: readonly KnownFlag[]): string | undefined {
  const [, name = "", value] = /^--?([^=]+)(?:=(.*))?$/s.exec(token) ?? [];
  const flag = flags.find(({ long }) => long === name);
  if (flag === undefined || name.length === 1) return token;
  if (!flag.takesValue && value === "false") return undefined;
  if (!flag.takesValue && value === "true") return `--${name}`;
  return token.startsWith("--") ? token : `-${token}`;
}

/** Whether the flag's value is the next token: `--out p`, `-t 5`, `-dt 5`, but not `--out=p`, `-t5`. */
function wantsNext(token: string, flags: readonly KnownFlag[]): boolean {
  if (token.startsWith("--")) {
    return flags.some(({ long, takesValue }) => takesValue && token === `--${long ?? ""}`);
  }
  const letters = token.slice(1).split("");
  const first = letters.findIndex((letter) =>
    flags.some(({ short, takesValue }) => takesValue && short === letter),
  );
  return first !== -1 && first === letters.length - 1;
}
