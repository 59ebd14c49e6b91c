import { suggest } from "./suggest.ts";
import { DsoError } from "./errors.ts";
import type { FileOptions, Reference } from "./reference.ts";

const FILE_OPTIONS = ["mode", "uid", "gid", "target"];
const OPTIONS = ["version", ...FILE_OPTIONS];
/** The kernel keeps the highest id, 2^32 - 1, for "no change". */
const MAX_ID = 2 ** 32 - 2;

/** What follows the `?` of a reference; `reference-invalid` where it is not understood. */
export function readOptions(
  text: string,
  scheme: Reference["scheme"],
  raw: string | undefined,
): { readonly pinned?: string; readonly file: FileOptions } {
  const options = splitOptions(text, raw);
  for (const name of options.keys()) {
    if (scheme === "dso" && FILE_OPTIONS.includes(name)) {
      throw invalid(
        text,
        `has the option "${name}", which is for files`,
        "Use dsofile://, or drop the option.",
      );
    }
  }
  const [version, mode, uid, gid, target] = OPTIONS.map((name) => options.get(name));
  return {
    ...(version === undefined ? {} : { pinned: version }),
    file: {
      ...(mode === undefined ? {} : { mode: readMode(text, mode) }),
      ...(uid === undefined ? {} : { uid: readId(text, "uid", uid) }),
      ...(gid === undefined ? {} : { gid: readId(text, "gid", gid) }),
      ...(target === undefined ? {} : { target: readTarget(text, target) }),
    },
  };
}

function splitOptions(text: string, raw: string | undefined): ReadonlyMap<string, string> {
  const options = new Map<string, string>();
  if (raw === undefined) return options;
  for (const pair of raw.split("&")) {
    const equals = pair.indexOf("=");
    const name = equals === -1 ? pair : pair.slice(0, equals);
    if (!OPTIONS.includes(name)) throw unknownOption(text, name);
    if (options.has(name))
      throw invalid(text, `has the option "${name}" twice`, "Keep one of them.");
    const value = equals === -1 ? "" : decode(text, pair.slice(equals + 1));
    if (value === "")
      throw invalid(text, `has the option "${name}" without a value`, `Write ${name}=….`);
    options.set(name, value);
  }
  return options;
}

function unknownOption(text: string, name: string): DsoError {
  const near = suggest(name, OPTIONS);
  return invalid(
    text,
    `has the unknown option "${name}"`,
    near === undefined ? `Known options: ${OPTIONS.join(", ")}.` : `Did you mean "${near}"?`,
  );
}

function readMode(text: string, value: string): number {
  if (!/^0?[0-7]{3}$/.test(value)) {
    throw invalid(
      text,
      `has the mode "${value}"`,
      "Write permission bits in octal, for example mode=0440.",
    );
  }
  return Number.parseInt(value, 8);
}

function readId(text: string, name: string, value: string): number {
  if (!/^\d{1,10}$/.test(value) || Number(value) > MAX_ID) {
    throw invalid(text, `has the ${name} "${value}"`, `Write a number, for example ${name}=1000.`);
  }
  return Number(value);
}

function readTarget(text: string, value: string): string {
  const relative = value.startsWith("/") ? value.slice(1) : value;
  for (const segment of relative.split("/")) checkSegment(text, segment, "target");
  return value;
}

/** Refuses what no file or secret can be named. `where` is the part of the reference, for the message. */
export function checkSegment(text: string, segment: string, where: string): void {
  if (segment === "") {
    throw invalid(text, `has an empty segment in its ${where}`, "Remove the extra slash.");
  }
  if (segment === "." || segment === "..") {
    throw invalid(
      text,
      `has "${segment}" in its ${where}`,
      "Write the name in full, without dots.",
    );
  }
}

/** Undoes percent escapes of UTF-8 text. */
export function decode(text: string, raw: string): string {
  const decoded = decodeUtf8(raw);
  if (decoded === undefined) {
    throw invalid(text, "has a broken percent escape", 'Write a percent sign itself as "%25".');
  }
  if (/[\u0000-\u001f\u007f]/.test(decoded)) {
    throw invalid(text, "has an encoded control character", "Remove it.");
  }
  return decoded;
}

function decodeUtf8(raw: string): string | undefined {
  try {
    return decodeURIComponent(raw);
  } catch (error) {
    if (error instanceof URIError) return undefined;
    throw error;
  }
}

/** Every complaint about a reference begins with the reference, as the user wrote it. */
export function invalid(text: string, fault: string, hint: string): DsoError {
  return new DsoError("reference-invalid", `reference ${JSON.stringify(text)} ${fault}`, { hint });
}
