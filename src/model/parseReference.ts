import { suggest } from "./suggest.ts";
import { DsoError } from "./errors.ts";
import type { Reference } from "./reference.ts";
import { checkSegment, decode, invalid, readOptions } from "./referenceOptions.ts";

/** What the configuration knows: it decides where a provider's name ends and a path begins. */
export interface KnownProviders {
  readonly providers: ReadonlySet<string>;
  readonly defaultProvider: string;
}

const SCHEME = /^(dso|dsofile):\/\//;
/** Not inside a longer scheme such as `ldso://`; any case, because `DSO://` is a slip and no plain text. */
const ANYWHERE = /(?<![A-Za-z0-9+.-])dso(?:file)?:\/\//i;
const EMBEDDED = /\{\{(?=dso(?:file)?:\/\/)/i;

/** Whether the text holds a reference somewhere, well formed or not. */
export function isReferenceLike(text: string): boolean {
  return ANYWHERE.test(text);
}

/**
 * The reference that the whole of `text` is. Rejects with `reference-invalid`, or
 * with `provider-unknown` where the path begins with `name:` and no provider has
 * that name: a misspelt provider must not become a path of the default one. A
 * path that really begins so writes the colon as `%3A`; `arn:` is taken as a path.
 */
export function parseReference(text: string, known: KnownProviders): Reference {
  const scheme = SCHEME.exec(text)?.[1];
  if (scheme !== "dso" && scheme !== "dsofile") {
    throw invalid(text, "does not begin with dso:// or dsofile://", "Write dso://path#key.");
  }
  const parts = split(text, text.slice(scheme.length + "://".length));
  const { provider, rawPath } = route(text, parts.path, known);
  const key = parts.key === undefined ? undefined : decodeKey(text, parts.key);
  const { pinned, file } = readOptions(text, scheme, parts.options);
  if (scheme === "dsofile" && key !== undefined && file.target === undefined) {
    checkSegment(text, key, "key");
    if (key.includes("/"))
      throw invalid(text, 'has a "/" in its key', "Name the file with ?target=…");
  }
  return {
    scheme,
    provider,
    path: decodePath(text, rawPath),
    ...(key === undefined ? {} : { key }),
    ...(pinned === undefined ? {} : { pinned }),
    file,
    text,
  };
}

/**
 * Cuts a value at its `{{dso://…}}`: literal text and references in order, empty
 * text left out. A value without any gives itself. A bare `dso://` in the middle,
 * an embedded `dsofile://` and an unclosed `{{dso://` are `reference-invalid`.
 */
export function findEmbedded(text: string, known: KnownProviders): readonly (string | Reference)[] {
  const parts: (string | Reference)[] = [];
  let rest = text;
  for (;;) {
    const open = EMBEDDED.exec(rest)?.index ?? rest.length;
    const literal = rest.slice(0, open);
    refuseBare(literal);
    if (literal !== "") parts.push(literal);
    if (open === rest.length) return parts;
    const close = rest.indexOf("}}", open);
    if (close === -1) {
      throw invalid(rest.slice(open), "is not closed", 'End an embedded reference with "}}".');
    }
    const reference = parseReference(rest.slice(open + "{{".length, close), known);
    if (reference.scheme === "dsofile") {
      throw invalid(
        reference.text,
        "stands inside a longer value, but dsofile:// becomes a path of its own",
        "Embed {{dso://…}}, or let the variable hold nothing but the dsofile:// reference.",
      );
    }
    parts.push(reference);
    rest = rest.slice(close + "}}".length);
  }
}

function refuseBare(literal: string): void {
  const bare = ANYWHERE.exec(literal);
  if (bare === null) return;
  const word = /^[^\s"'{}@,;]+/.exec(literal.slice(bare.index))?.[0] ?? "dso://…";
  throw invalid(
    word,
    "stands bare inside a longer value",
    `Embed it with double braces: {{${word}}}.`,
  );
}

interface RawParts {
  readonly path: string;
  readonly options: string | undefined;
  readonly key: string | undefined;
}

function split(text: string, rest: string): RawParts {
  if (/[\s\u0000-\u001f\u007f]/.test(rest)) {
    throw invalid(text, "holds a blank or control character", "Percent-encode it: %20 is a blank.");
  }
  if (/[{}]/.test(rest)) {
    throw invalid(text, "holds a brace", "Percent-encode braces: %7B and %7D.");
  }
  const [head = "", key, ...more] = rest.split("#");
  if (more.length > 0)
    throw invalid(text, 'holds more than one "#"', 'Write "#" in a name as %23.');
  if (key?.includes("?") === true) {
    throw invalid(
      text,
      'has a "?" after "#"',
      "Options come before the key: dso://path?version=3#key.",
    );
  }
  const question = head.indexOf("?");
  return {
    path: question === -1 ? head : head.slice(0, question),
    options: question === -1 ? undefined : head.slice(question + 1),
    key,
  };
}

function route(
  text: string,
  path: string,
  known: KnownProviders,
): { readonly provider: string; readonly rawPath: string } {
  const colon = path.indexOf(":");
  const name = path.slice(0, Math.max(colon, 0));
  if (colon !== -1 && known.providers.has(name)) {
    return { provider: name, rawPath: path.slice(colon + 1) };
  }
  if (/^[A-Za-z0-9_.-]*$/.test(name) && colon !== -1 && name !== "arn") {
    throw unknownProvider(text, name, known);
  }
  return { provider: known.defaultProvider, rawPath: path };
}

function unknownProvider(text: string, name: string, known: KnownProviders): DsoError {
  if (name === "")
    return invalid(text, 'has nothing before the ":"', "Name a provider, or leave the colon out.");
  const near = suggest(name, known.providers);
  const names = [...known.providers].sort().join(", ") || "none";
  return new DsoError(
    "provider-unknown",
    `reference ${JSON.stringify(text)}: no provider is named "${name}" (configured: ${names})`,
    {
      hint:
        near === undefined
          ? `Add "${name}" under providers: in dso.yaml, or write the colon as %3A if it belongs to the path.`
          : `Did you mean "${near}"?`,
    },
  );
}

function decodePath(text: string, raw: string): string {
  if (raw === "")
    throw invalid(text, "names no secret", "Write dso://path, for example dso://db/password.");
  return raw
    .split("/")
    .map((segment) => {
      const decoded = decode(text, segment);
      checkSegment(text, decoded, "path");
      if (decoded.includes("/")) {
        throw invalid(text, 'has an encoded "/" (%2F) in its path', "Write the slash as it is.");
      }
      return decoded;
    })
    .join("/");
}

function decodeKey(text: string, raw: string): string {
  const key = decode(text, raw);
  if (key === "") throw invalid(text, 'has nothing after "#"', 'Name a key, or leave the "#" out.');
  return key;
}
