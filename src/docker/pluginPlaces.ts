/** Where the plugins of Docker's command line lie, those of the user first. */
import { access, constants, stat } from "node:fs/promises";
import { delimiter, isAbsolute, join } from "node:path";

const SYSTEM_PLUGINS = [
  "/usr/local/lib/docker/cli-plugins",
  "/usr/local/libexec/docker/cli-plugins",
  "/usr/lib/docker/cli-plugins",
  "/usr/libexec/docker/cli-plugins",
];

type Environment = Readonly<Record<string, string | undefined>>;

export function pluginDirectories(environment: Environment, home: string): readonly string[] {
  const config = environment["DOCKER_CONFIG"] ?? join(home, ".docker");
  return [join(config, "cli-plugins"), ...SYSTEM_PLUGINS];
}

/** Of PATH; what is relative there would be another directory in every one. */
export function searchPath(environment: Environment): readonly string[] {
  return (environment["PATH"] ?? "").split(delimiter).filter(isAbsolute);
}

export async function isExecutable(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return (await stat(path)).isFile();
  } catch {
    // What cannot be looked at cannot be run either.
    return false;
  }
}
