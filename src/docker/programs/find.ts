/** Which program stands behind a provider service. */
import { join } from "node:path";
import { DsoError } from "../../model/errors.ts";
import { isExecutable, pluginDirectories, searchPath } from "../pluginPlaces.ts";
import { runProgram } from "./child.ts";

type Environment = Readonly<Record<string, string>>;

/** It has nothing to do but to write what it has in it. */
const METADATA_MS = 5000;

/**
 * The plugin of Docker's command line `docker-<type>`, else `<type>` on the path. Rejects with
 * `program-missing`, which says where it was looked for.
 */
export async function findProgram(
  service: string,
  type: string,
  environment: Environment,
  home: string,
  signal: AbortSignal,
): Promise<string> {
  const directories = pluginDirectories(environment, home);
  for (const path of directories.map((directory) => join(directory, `docker-${type}`))) {
    if ((await isExecutable(path)) && (await isPlugin(path, environment, signal))) return path;
  }
  const search = searchPath(environment);
  for (const path of search.map((directory) => join(directory, type))) {
    if (await isExecutable(path)) return path;
  }
  throw new DsoError("program-missing", `service "${service}": there is no provider "${type}"`, {
    hint: `Looked for the plugin docker-${type} in ${directories.join(", ")}, and for the program ${type} in ${search.join(", ") || "an empty PATH"}.`,
  });
}

/** Docker runs nothing as a plugin that does not say that it is one. */
async function isPlugin(
  program: string,
  environment: Environment,
  signal: AbortSignal,
): Promise<boolean> {
  const said: string[] = [];
  const command = { program, argv: ["docker-cli-plugin-metadata"], directory: "/", environment };
  const hearing = { line: (text: string) => void said.push(text), silenceMs: METADATA_MS };
  try {
    const { fault } = await runProgram(command, hearing, signal);
    const found: unknown = fault === undefined ? JSON.parse(said.join("\n")) : undefined;
    return typeof found === "object" && found !== null && "SchemaVersion" in found;
  } catch {
    // It is none; whatever else it is, the search goes on.
    signal.throwIfAborted();
    return false;
  }
}
