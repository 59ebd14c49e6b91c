import type { Output } from "../session.ts";

export type Paint = (text: string) => string;

/** Colours of a terminal; without colour every function gives its text back. */
export interface Style {
  readonly color: boolean;
  readonly bold: Paint;
  readonly red: Paint;
  readonly green: Paint;
  readonly yellow: Paint;
  readonly dim: Paint;
}

export function createStyle(color: boolean): Style {
  const paint =
    (on: number, off: number): Paint =>
    (text) =>
      color ? `\u001b[${on}m${text}\u001b[${off}m` : text;
  return {
    color,
    bold: paint(1, 22),
    red: paint(31, 39),
    green: paint(32, 39),
    yellow: paint(33, 39),
    dim: paint(2, 22),
  };
}

/** Colour is for a terminal that has some and a person who did not refuse it. */
export function styleOf(
  output: Output,
  environment: Readonly<Record<string, string | undefined>>,
  wanted = true,
): Style {
  const refused = (environment["NO_COLOR"] ?? "") !== "" || environment["TERM"] === "dumb";
  return createStyle(wanted && !refused && output.isTTY === true);
}

/**
 * Foreign text for a terminal: what could move the cursor, retitle the window or
 * answer for the user is shown as its code point. Newlines and tabs stay.
 */
export function printable(text: string): string {
  return text.replace(
    /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g,
    (character) => `\\u${character.codePointAt(0)?.toString(16).padStart(4, "0") ?? ""}`,
  );
}
