/** Which files make the project, in which directory, with which variables and name. */
import { statSync } from "node:fs";
import path from "node:path";
import { DsoError, hasCode } from "../model/errors.ts";
import type { LoadWarning } from "../model/project.ts";
import { parseDotenv } from "./variables/dotenv.ts";
import { readText } from "./text.ts";
import type { Reading, Trace } from "./trace.ts";

export type Env = Readonly<Record<string, string | undefined>>;

/** Stages of a load that can be left out where a project is only shown. */
export type Omission = "consistency" | "narrowing" | "normalisation" | "paths" | "variable files";

export interface LoadOptions {
  readonly cwd: string;
  /** `-f`; `-` is the text of `stdin`. */
  readonly files?: readonly string[];
  readonly stdin?: string;
  readonly projectName?: string;
  readonly projectDirectory?: string;
  readonly profiles?: readonly string[];
  readonly environmentFiles?: readonly string[];
  readonly env: Env;
  readonly home: string;
  /** For whoever only shows the project: what cannot be applied is kept, and what this names is left out. */
  readonly show?: { readonly without: ReadonlySet<Omission> };
  /** Their profiles are enabled. */
  readonly services?: readonly string[];
  /** Filled while the project is loaded, also where that fails. */
  readonly trace?: Trace;
}

export interface Setting {
  /** Absolute; `-` for standard input. */
  readonly files: readonly string[];
  readonly workingDir: string;
  /** Asked for explicitly. */
  readonly environmentFiles: readonly string[];
  readonly env: Env;
  readonly profiles: readonly string[];
  readonly warnings: readonly LoadWarning[];
}

const FILES = ["compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"];
const OVERRIDES = [
  "compose.override.yml",
  "compose.override.yaml",
  "docker-compose.override.yml",
  "docker-compose.override.yaml",
];

/** Rejects with `compose-invalid` when there is no compose file or a variable file cannot be read. */
export async function discover(options: LoadOptions, reading: Reading): Promise<Setting> {
  const asked = options.environmentFiles?.length
    ? options.environmentFiles
    : listed(variable(options.env, "COMPOSE_ENV_FILES", reading.trace), ",");
  const given = options.files?.map((file) => absolute(options.cwd, file)) ?? [];
  const directory = options.projectDirectory && absolute(options.cwd, options.projectDirectory);
  const environmentFiles = asked.map((file) => absolute(options.cwd, file));
  const early = directory ?? directoryOf(given, options.cwd);
  const first = await withEnvFiles(options.env, environmentFiles, early, options.env, reading);
  const found = findFiles(options, given, first, directory ?? options.cwd, reading.trace);
  const workingDir = directory ?? directoryOf(found.files, options.cwd);
  const env = await withEnvFiles(
    first,
    environmentFiles,
    workingDir,
    exported(options.env, first),
    reading,
  );
  const profiles = options.profiles?.length
    ? options.profiles
    : listed(variable(env, "COMPOSE_PROFILES", reading.trace), ",");
  return { ...found, workingDir, environmentFiles, env, profiles };
}

function absolute(base: string, file: string): string {
  return file === "-" ? file : path.resolve(base, file);
}

function directoryOf(files: readonly string[], cwd: string): string {
  const file = files.find((candidate) => candidate !== "-");
  return file === undefined ? cwd : path.dirname(file);
}

function listed(text: string | undefined, separator: string): readonly string[] {
  return (text ?? "")
    .split(separator)
    .map((part) => part.trim())
    .filter((part) => part !== "");
}

/** What the first variable file says of Compose itself counts as said by the environment. */
function exported(env: Env, read: Env): Env {
  const own = Object.entries(read).filter(([name]) => name.startsWith("COMPOSE_"));
  return { ...Object.fromEntries(own), ...env };
}

async function withEnvFiles(
  env: Env,
  files: readonly string[],
  directory: string,
  switches: Env,
  reading: Reading,
): Promise<Env> {
  const disabled = isSwitchedOn(switches, "COMPOSE_DISABLE_ENV_FILE", reading.trace);
  const fallback = path.join(directory, ".env");
  reading.trace.files.add(fallback);
  const defaults = !disabled && isFile(fallback) ? [fallback] : [];
  return readEnvFiles(env, files.length > 0 ? files : defaults, reading);
}

function isSwitchedOn(env: Env, name: string, trace: Trace): boolean {
  const value = variable(env, name, trace) ?? "";
  if (/^(1|t|T|true|True|TRUE)$/.test(value)) return true;
  if (/^(|0|f|F|false|False|FALSE)$/.test(value)) return false;
  throw new DsoError("compose-invalid", `${name} is neither true nor false`, {
    hint: "Set it to true, or take it out of the environment.",
  });
}

/** `env` and what the files add to it: a later file wins over an earlier one, `env` over all. */
export async function readEnvFiles(
  env: Env,
  files: readonly string[],
  reading: Reading,
): Promise<Env> {
  const { trace } = reading;
  const read = new Map<string, string>();
  for (const file of files) {
    const text = await readText(file, "the variable file", reading);
    const lookup = (key: string): string | undefined => variable(env, key, trace);
    const earlier = (key: string): string | undefined => read.get(key);
    const unset = (name: string): void => void trace.unset.add(name);
    const variables = parseDotenv(file, text, lookup, { unset, earlier });
    for (const [name, { value }] of variables) read.set(name, value);
  }
  const set = Object.entries(env).filter(([, value]) => value !== undefined);
  return { ...Object.fromEntries(read), ...Object.fromEntries(set) };
}

/** Undefined where it is not set: `constructor` is not, though every object has one. */
export function variable(env: Env, name: string, trace: Trace): string | undefined {
  trace.variables.add(name);
  return Object.hasOwn(env, name) ? env[name] : undefined;
}

function isFile(file: string): boolean {
  return kindOf(file) === "file";
}

/**
 * What is there; undefined: nothing.
 * A dozen files may be the project's: to hand each look to another thread takes longer than the looks.
 */
export function kindOf(file: string): "file" | "directory" | undefined {
  try {
    const found = statSync(file, { throwIfNoEntry: false });
    return found && (found.isDirectory() ? "directory" : "file");
  } catch (error) {
    // What cannot be looked at is there, and reading it says in words what is wrong.
    return hasCode(error, "ENOENT", "ENOTDIR") ? undefined : "file";
  }
}

interface Found {
  readonly files: readonly string[];
  readonly warnings: readonly LoadWarning[];
}

function findFiles(
  { cwd }: LoadOptions,
  given: readonly string[],
  env: Env,
  start: string,
  trace: Trace,
): Found {
  if (given.length > 0) return { files: given, warnings: [] };
  const separator = variable(env, "COMPOSE_PATH_SEPARATOR", trace) ?? path.delimiter;
  const named = (variable(env, "COMPOSE_FILE", trace) ?? "")
    .split(separator)
    .filter((file) => file !== "");
  if (named.length > 0) return { files: named.map((file) => absolute(cwd, file)), warnings: [] };
  for (let directory = start; ; directory = path.dirname(directory)) {
    const found = present(directory, FILES, trace);
    if (found.length > 0) return withOverride(found, present(directory, OVERRIDES, trace));
    if (directory === path.dirname(directory)) break;
  }
  throw new DsoError("compose-invalid", `no compose file in ${start} or above`, {
    hint: `Create ${FILES[0]}, or name a file with -f.`,
  });
}

function present(directory: string, names: readonly string[], trace: Trace): readonly string[] {
  const paths = names.map((name) => path.join(directory, name));
  for (const one of paths) trace.files.add(one);
  return paths.filter(isFile);
}

function withOverride(found: readonly string[], overrides: readonly string[]): Found {
  const warnings = [found, overrides]
    .filter((candidates) => candidates.length > 1)
    .map(([used, ...others]) => ({
      message: `${used} is used, ${others.join(", ")} is not: one compose file of a directory counts`,
    }));
  return { files: [...found.slice(0, 1), ...overrides.slice(0, 1)], warnings };
}
