/** Colours, widths and harmless text. */
type Paint = (text: string) => string;

export interface Palette {
  readonly bold: Paint;
  readonly dim: Paint;
  readonly red: Paint;
  readonly green: Paint;
  readonly yellow: Paint;
}

export const WIDTH = 96;

export function createPalette(color: boolean): Palette {
  const paint =
    (on: number, off: number): Paint =>
    (text) =>
      color ? `\u001b[${on}m${text}\u001b[${off}m` : text;
  return {
    bold: paint(1, 22),
    dim: paint(2, 22),
    red: paint(31, 39),
    green: paint(32, 39),
    yellow: paint(33, 39),
  };
}

/** Names and labels are foreign text: what would steer a terminal becomes its code point. */
export function harmless(text: string): string {
  return text.replace(
    /[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g,
    (character) => `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, "0")}`,
  );
}

/** Breaks at blanks; each line begins with `first`, and from the second on with `next`. */
export function wrap(text: string, first: string, next: string): readonly string[] {
  const lines: string[] = [];
  let line = first;
  for (const word of harmless(text).split(" ")) {
    const fits = line.length + word.length < WIDTH || line === first || line === next;
    if (fits) line += line === first || line === next ? word : ` ${word}`;
    else {
      lines.push(line);
      line = `${next}${word}`;
    }
  }
  return [...lines, line];
}

/** `1 container`, `2 containers` */
export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}
