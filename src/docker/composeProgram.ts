import { execFile } from "node:child_process";
import { join } from "node:path";
import { isExecutable, pluginDirectories, searchPath } from "./pluginPlaces.ts";

/** The Docker Compose of this machine. */
export interface ComposeProgram {
  /** Runs as `<path> <arguments of docker compose>`. */
  readonly path: string;
  /** E.g. `2.40.3`. */
  readonly version: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The program that `docker compose` would run: the plugin, else `docker-compose`
 * on the path, of version 2 or later. `undefined` where there is none.
 */
export async function findComposeProgram(
  environment: Environment,
  home: string,
  signal: AbortSignal,
): Promise<ComposeProgram | undefined> {
  for (const path of candidates(environment, home)) {
    if (!(await isExecutable(path))) continue;
    const version = await versionOf(path, environment, signal);
    if (version !== undefined && !version.startsWith("1.")) return { path, version };
  }
  return undefined;
}

function candidates(environment: Environment, home: string): readonly string[] {
  const places = [...pluginDirectories(environment, home), ...searchPath(environment)];
  return places.map((directory) => join(directory, "docker-compose"));
}

async function versionOf(
  path: string,
  environment: Environment,
  signal: AbortSignal,
): Promise<string | undefined> {
  const text = await new Promise<string | undefined>((resolve) => {
    const options = { env: { PATH: environment["PATH"] ?? "" }, signal, timeout: 5000 };
    execFile(path, ["version", "--short"], options, (error, stdout) => {
      // A program that cannot even tell its version is as good as absent.
      resolve(error === null ? stdout : undefined);
    });
  });
  return /^v?(\d+\.\d+\.\d+)/.exec(text?.trim() ?? "")?.[1];
}
