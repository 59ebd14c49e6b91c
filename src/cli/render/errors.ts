import { readStoredFile } from "../../lib/namedFile.ts";
import { DsoError, type Position } from "../../model/errors.ts";
import { printable, type Style } from "./style.ts";

/** Codes whose positions are in compose files; lines of other files may be private altogether. */
const COMPOSE_CODES =
  /^(compose-|reference-|provider-unknown|secret-missing|policy-|not-in-release)/;
/** What every compose file has and dso.yaml cannot: some faults are found in either. */
const SERVICES = /^["']?services["']?\s*:/m;

export interface ErrorText {
  readonly style: Style;
  /** With the stack of what was not expected. */
  readonly debug: boolean;
}

/** The error and all its findings, as blocks that begin with `Error: `. */
export async function renderError(error: unknown, { style, debug }: ErrorText): Promise<string> {
  if (!(error instanceof DsoError)) return renderDefect(error, style, debug);
  const blocks = [error, ...error.others].map(async (finding) => {
    const source = await sourceLine(finding);
    return [
      `${style.bold(`${style.red("Error:")} ${capital(printable(finding.message))}`)}\n`,
      ...(finding.position === undefined
        ? []
        : [`  ${style.bold(place(finding.position))}\n${source ?? ""}`]),
      ...(finding.hint === undefined ? [] : [`  ${printable(finding.hint)}\n`]),
      ...(debug ? [`${stack(finding.cause ?? finding)}\n`] : []),
    ].join("\n");
  });
  return `\n${(await Promise.all(blocks)).join("\n")}`;
}

/** `compose.yaml:5:21` */
export function place({ file, line, column }: Position): string {
  return printable(`${file}:${line}:${column}`);
}

function renderDefect(error: unknown, style: Style, debug: boolean): string {
  const message = error instanceof Error ? error.message : String(error);
  const hint = debug ? stack(error) : "Run again with DSO_LOG=debug to see where it came from.";
  return `\n${style.bold(`${style.red("Error:")} ${printable(message)}`)}\n\n  This is a defect in DSO. ${hint}\n`;
}

/**
 * The line of the compose file with a caret below, where it may be shown: not
 * when a variable stands in it, and never out of a file that holds values.
 */
async function sourceLine({ code, position }: DsoError): Promise<string | undefined> {
  if (position === undefined || !COMPOSE_CODES.test(code) || !/\.ya?ml$/.test(position.file)) {
    return undefined;
  }
  const text = readSource(position.file);
  if (text === undefined || (code === "not-in-release" && !SERVICES.test(text))) return undefined;
  const line = text.split("\n")[position.line - 1]?.trimEnd();
  if (line === undefined || line.includes("$") || line.length > 200) return undefined;
  const number = String(position.line);
  const indent = " ".repeat(Math.max(0, position.column - 1));
  const gutter = " ".repeat(number.length);
  return `    ${number} | ${printable(line)}\n    ${gutter} | ${indent}^\n`;
}

function readSource(file: string): string | undefined {
  try {
    return readStoredFile(file).toString("utf8");
  } catch {
    return undefined;
  }
}

function stack(error: unknown): string {
  return printable(error instanceof Error ? (error.stack ?? error.message) : String(error));
}

function capital(text: string): string {
  return /^(?!dso )[a-z]+ /.test(text) ? `${text.charAt(0).toUpperCase()}${text.slice(1)}` : text;
}
