import { execFile } from "node:child_process";
import { access, constants } from "node:fs/promises";
import { delimiter, join } from "node:path";

/** The Docker Compose of this machine. */
export interface ComposeProgram {
  /** Runs as `<path> <arguments of docker compose>`. */
  readonly path: string;
  /** E.g. `2.40.3`. */
  readonly version: string;
}

const SYSTEM_PLUGINS = [
  "/usr/local/lib/docker/cli-plugins",
  "/usr/local/libexec/docker/cli-plugins",
  "/usr/lib/docker/cli-plugins",
  "/usr/libexec/docker/cli-plugins",
];

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
  const config = environment["DOCKER_CONFIG"] ?? join(home, ".docker");
  const plugins = [join(config, "cli-plugins"), ...SYSTEM_PLUGINS];
  const search = (environment["PATH"] ?? "").split(delimiter).filter((entry) => entry !== "");
  return [...plugins, ...search].map((directory) => join(directory, "docker-compose"));
}

async function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
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
