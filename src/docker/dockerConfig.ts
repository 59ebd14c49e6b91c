/** Docker's own configuration file. */
import { join } from "node:path";
import { readStoredFile } from "../lib/namedFile.ts";
import { DsoError, hasCode } from "../model/errors.ts";

/** Docker's config.json, or what DOCKER_AUTH_CONFIG holds. Nobody has checked it. */
export interface DockerConfig {
  readonly auths: Readonly<Record<string, unknown>>;
  readonly credsStore: string | undefined;
  readonly credHelpers: Readonly<Record<string, unknown>>;
  /** By the engine's address, or for all as `default`. */
  readonly proxies: Readonly<Record<string, unknown>>;
  /** For messages: never what stands in it. */
  readonly origin: string;
}

/** Undefined where there is none; rejects with `config-invalid` where it cannot be read. */
export async function readConfig(configDir: string): Promise<DockerConfig | undefined> {
  const file = join(configDir, "config.json");
  try {
    return parseConfig(readStoredFile(file).toString("utf8"), file);
  } catch (error) {
    if (hasCode(error, "ENOENT", "ENOTDIR")) return undefined;
    if (error instanceof DsoError) throw error;
    throw new DsoError("config-invalid", `${file} cannot be read`, {
      hint: "It holds the logins of registries and the proxies of containers; make it readable, or set DOCKER_CONFIG.",
      cause: error,
    });
  }
}

export function parseConfig(text: string, origin: string): DockerConfig {
  let config: unknown;
  try {
    config = JSON.parse(text);
  } catch {
    // The cause would quote the text, and that may hold passwords.
    throw new DsoError("config-invalid", `${origin} cannot be read as JSON`);
  }
  const { auths, credsStore, credHelpers, proxies } = recordOf(config);
  return {
    auths: recordOf(auths),
    credsStore: typeof credsStore === "string" ? credsStore : undefined,
    credHelpers: recordOf(credHelpers),
    proxies: recordOf(proxies),
    origin,
  };
}

export function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}
