/** Finds and reads dso.yaml. */
import { statSync } from "node:fs";
import path from "node:path";
import { lineOfInvalidUtf8, readFault, readNamedFile } from "../lib/namedFile.ts";
import { suggest } from "../model/suggest.ts";
import { combine, DsoError, hasCode } from "../model/errors.ts";
import { buildConfig, type Document } from "./build.ts";
import { findings } from "./findings.ts";
import type { Config } from "./types.ts";
import { readYaml, type YamlText } from "./yaml.ts";

export interface Whereabouts {
  /** `-c FILE`. */
  readonly explicit?: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly home: string;
}

/**
 * The file to read, absolute: `-c`, else `$DSO_CONFIG`, else the first that is
 * there of `./dso.yaml`, `~/.dso/dso.yaml` and `/etc/dso/dso.yaml`; undefined when
 * none is. A file that somebody named is not looked for: reading it must fail.
 */
export function findConfig(whereabouts: Whereabouts): string | undefined {
  const named = namedConfig(whereabouts);
  return named ?? configPlaces(whereabouts).find(isThere);
}

/** Where the file is, or may come to be; absolute. */
export function configPlaces(whereabouts: Whereabouts): readonly string[] {
  const { cwd, home } = whereabouts;
  const named = namedConfig(whereabouts);
  if (named !== undefined) return [named];
  return [path.join(cwd, "dso.yaml"), path.join(home, ".dso", "dso.yaml"), "/etc/dso/dso.yaml"];
}

function namedConfig({ explicit, env, cwd }: Whereabouts): string | undefined {
  const named = explicit ?? (env["DSO_CONFIG"] || undefined);
  return named === undefined ? undefined : path.resolve(cwd, named);
}

function isThere(file: string): boolean {
  try {
    return statSync(file, { throwIfNoEntry: false }) !== undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOTDIR") return false;
    throw unreadable(file, error);
  }
}

/** Rejects with `config-invalid` that lists everything that is wrong; no file means all defaults. */
export async function readConfig(file: string | undefined, signal: AbortSignal): Promise<Config> {
  if (file === undefined) return parseConfig("", undefined);
  const bytes = await readNamedFile(file, signal).catch((error: unknown) => {
    signal.throwIfAborted();
    throw unreadable(file, error);
  });
  const line = lineOfInvalidUtf8(bytes);
  if (line === undefined) return parseConfig(bytes.toString("utf8"), file);
  throw new DsoError("config-invalid", `line ${line} is not valid UTF-8`, {
    hint: "Save the file in UTF-8.",
    position: { file, line, column: 1 },
  });
}

function unreadable(file: string, cause: unknown): unknown {
  const why = readFault(cause);
  if (why === undefined) return cause;
  return new DsoError("config-invalid", `${file} ${why}`, {
    hint: hasCode(cause, "ENOENT")
      ? "Name an existing file with -c or $DSO_CONFIG, or leave both out."
      : "Make it a file that you may read.",
    cause,
  });
}

/** As `readConfig`, of a text; `file` is for messages and relative paths. */
export async function parseConfig(text: string, file: string | undefined): Promise<Config> {
  const yaml = file === undefined ? undefined : await readYaml(text, file);
  const document = withoutNulls(yaml?.value ?? {});
  const { default: validate } = await import("./generated/dso.js");
  if (!validate(document)) throw combine(invalid(document, validate.errors ?? [], yaml));
  // The schema has just said so.
  return buildConfig(document as Document, file, yaml);
}

type Errors = Parameters<typeof findings>[0];

function invalid(
  document: unknown,
  errors: Errors,
  yaml: YamlText | undefined,
): readonly DsoError[] {
  const nameless = namelessProviders(document);
  const rest = errors.filter(
    (error) => !nameless.some((name) => error.instancePath === `/providers/${name}`),
  );
  return [
    ...nameless.map((name) => typeMissing(name, yaml)),
    ...findings(rest, {
      code: "config-invalid",
      name: "",
      at: (at) => yaml?.at(at),
      keyAt: (at) => yaml?.keyAt(at),
    }),
  ];
}

const TYPES = ["local", "env", "file", "age", "vault", "aws", "azure"];

/** Of what kind these are, nothing says: all else about them would be guesswork. */
function namelessProviders(document: unknown): readonly string[] {
  const providers = (document as { readonly providers?: unknown }).providers;
  if (typeof providers !== "object" || providers === null) return [];
  return Object.entries(providers)
    .filter(([name, provider]) => {
      const mapping = typeof provider === "object" && provider !== null;
      return mapping && !("type" in provider) && !TYPES.includes(name);
    })
    .map(([name]) => name);
}

function typeMissing(name: string, yaml: YamlText | undefined): DsoError {
  const near = suggest(name, TYPES);
  const position = yaml?.keyAt(["providers", name]);
  return new DsoError("config-invalid", `providers.${name} does not say of which type it is`, {
    hint:
      near === undefined
        ? `Add type: to it: ${TYPES.join(", ")}, or the name of a plugin.`
        : `Did you mean "${near}"? Else add type: to it.`,
    ...(position && { position }),
  });
}

/** A key without a value says nothing, except that a provider is there. */
function withoutNulls(value: unknown, depth = 0): unknown {
  if (Array.isArray(value)) return value;
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).filter(([, part]) => part !== null || depth === 1);
  return Object.fromEntries(
    entries.map(([key, part]) => [key, part === null ? {} : withoutNulls(part, depth + 1)]),
  );
}
