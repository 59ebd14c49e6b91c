/** What a provider is made of: its part of dso.yaml, and what that names. */
import type { Stats } from "node:fs";
import { resolve } from "node:path";
import { readFault, readStoredFile } from "../lib/namedFile.ts";
import { DsoError } from "../model/errors.ts";
import type { Clock } from "../model/ports.ts";
import { Secret } from "../model/secret.ts";
import type { Settings } from "../model/settings.ts";
import type { Pace } from "./pace.ts";
import type { LeaseStore } from "./leases/store.ts";

export interface Opening {
  /** As dso.yaml names the provider. */
  readonly name: string;
  /** As the schema has accepted them for its type. */
  readonly settings: Settings;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Absolute: where relative paths of dso.yaml begin. */
  readonly directory: string;
  readonly clock: Clock;
  /** Asked before each request to the store. */
  readonly pace: Pace;
  /** Where leases are kept, for a store that issues credentials for a time. */
  readonly leases?: () => Promise<LeaseStore>;
}

export function textAt(settings: Settings, key: string): string | undefined {
  const found = settings[key];
  return typeof found === "string" ? found : undefined;
}

/** A text that the schema has seen to. */
export function requiredText(settings: Settings, key: string): string {
  const found = textAt(settings, key);
  if (found === undefined) throw new Error(`dso.yaml was accepted without ${key}`);
  return found;
}

export function partAt(settings: Settings, key: string): Settings {
  const found = settings[key];
  const isPart = typeof found === "object" && found !== null && !(found instanceof Secret);
  return isPart && !Array.isArray(found) ? (found as Settings) : {};
}

/** The file that a setting names; rejects with `config-invalid` where it cannot be read. `look` as of `readStoredFile`. */
export function fileAt(
  opening: Opening,
  settings: Settings,
  key: string,
  look?: (stat: Stats) => void,
): Buffer | undefined {
  const written = textAt(settings, key);
  if (written === undefined) return undefined;
  const path = resolve(opening.directory, written);
  try {
    return readStoredFile(path, look);
  } catch (cause) {
    const why = readFault(cause) ?? "cannot be read";
    throw new DsoError("config-invalid", `provider "${opening.name}": ${key} ${path} ${why}`, {
      hint: `Correct providers.${opening.name} in dso.yaml.`,
      cause,
    });
  }
}

/**
 * A credential: written as `key`, or in the variable that `<key>_env` names, or in the file that `<key>_file`
 * names. A copy, which the caller drops; undefined where dso.yaml names none. Rejects with `config-invalid`
 * where it names more than one, or one that is not there.
 */
export function credentialAt(
  opening: Opening,
  settings: Settings,
  key: string,
): Secret | undefined {
  const ways = [key, `${key}_env`, `${key}_file`].filter((way) => settings[way] !== undefined);
  if (ways.length > 1) throw absent(opening, `auth has ${ways.join(" and ")}, and one is to be it`);
  const written = settings[key];
  if (written instanceof Secret) return new Secret(Buffer.from(written.reveal()));
  if (typeof written === "string") return new Secret(Buffer.from(written));
  const variable = textAt(settings, `${key}_env`);
  if (variable !== undefined) {
    const value = opening.environment[variable];
    const trimmed = withoutNewline(Buffer.from(value ?? ""));
    if (trimmed.length > 0) return new Secret(trimmed);
    throw absent(opening, `the variable ${variable} of ${key}_env is not set`);
  }
  const bytes = fileAt(opening, settings, `${key}_file`);
  if (bytes === undefined) return undefined;
  const trimmed = withoutNewline(bytes);
  if (trimmed.length > 0) return new Secret(trimmed);
  throw absent(opening, `the file of ${key}_file is empty`);
}

/** An address, as the schema has accepted it: it holds no credentials. Rejects with `config-invalid` where it is none. */
export function addressAt({ name, settings }: Opening, key: string): URL {
  const url = URL.parse(requiredText(settings, key));
  if (url !== null) return url;
  throw new DsoError("config-invalid", `provider "${name}": ${key} is no address`, {
    hint: `Correct providers.${name}.${key} in dso.yaml, for example https://vault.example.com:8200.`,
  });
}

export function absent({ name }: Pick<Opening, "name">, what: string): DsoError {
  return new DsoError("config-invalid", `provider "${name}": ${what}`, {
    hint: `Set it, or correct providers.${name}.auth in dso.yaml.`,
  });
}

/** Editors and `echo` end a file with one. */
function withoutNewline(bytes: Buffer): Buffer {
  let end = bytes.length;
  while (end > 0 && (bytes[end - 1] === 0x0a || bytes[end - 1] === 0x0d)) end--;
  return bytes.subarray(0, end);
}
