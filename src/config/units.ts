import { parseDuration } from "../model/duration.ts";

const POWERS = ["", "K", "M", "G", "T"];

/** Bytes of `100Mi`, `10MB` or a bare number; undefined when it is none. `Ki` is 1024, `K` is 1000. */
function parseSize(size: string | number): number | undefined {
  const match = /^(\d+)(?:([KMGT])(i?))?B?$/.exec(String(size));
  if (match === null) return undefined;
  const base = match[3] === "i" ? 1024 : 1000;
  return Number(match[1]) * base ** POWERS.indexOf(match[2] ?? "");
}

/** Milliseconds of a text that a schema has accepted as a duration. */
export function milliseconds(text: string): number {
  return accepted(parseDuration(text), text);
}

/** Bytes of a value that a schema has accepted as a size. */
export function bytes(size: string | number): number {
  return accepted(parseSize(size), size);
}

function accepted(parsed: number | undefined, source: string | number): number {
  if (parsed === undefined) throw new Error(`the schema accepted ${JSON.stringify(source)}`);
  return parsed;
}
