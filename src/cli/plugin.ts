import { DsoError } from "../model/errors.ts";

export interface Invocation {
  readonly argv: readonly string[];
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** Docker's own global flags and the variable that says the same to whoever talks to an engine. */
const VARIABLES: Readonly<Record<string, string>> = {
  "-c": "DOCKER_CONTEXT",
  "--context": "DOCKER_CONTEXT",
  "-H": "DOCKER_HOST",
  "--host": "DOCKER_HOST",
  "--config": "DOCKER_CONFIG",
};
const WITHOUT_EFFECT = new Set(["-D", "--debug"]);

/**
 * As a plug-in we get the whole line that `docker` got, its own flags and the
 * plug-in's name included: `--context box dso plan`. The flags become variables;
 * one that has none is refused, for it would be an engine other than the one meant.
 */
export function fromDocker({ argv, environment }: Invocation): Invocation {
  const end = argv.indexOf("dso");
  if (end === -1) return { argv, environment };
  if (end > 0 && environment["DOCKER_CLI_PLUGIN_ORIGINAL_CLI_COMMAND"] === undefined) {
    return { argv, environment };
  }
  const found: Record<string, string> = {};
  for (let at = 0; at < end; at++) {
    const token = argv[at] ?? "";
    if (WITHOUT_EFFECT.has(token)) continue;
    const [flag, inline] = split(token);
    const variable = VARIABLES[flag];
    const value = inline ?? argv[++at];
    if (variable === undefined || value === undefined || at >= end) throw refused(flag);
    found[variable] = value;
  }
  return { argv: argv.slice(end + 1), environment: { ...environment, ...found } };
}

function split(token: string): readonly [string, string | undefined] {
  const equals = token.indexOf("=");
  return equals === -1 ? [token, undefined] : [token.slice(0, equals), token.slice(equals + 1)];
}

function refused(flag: string): DsoError {
  return new DsoError("usage", `docker's flag ${flag} is not understood here.`, {
    hint: "Say it with DOCKER_HOST, DOCKER_CONTEXT, DOCKER_TLS_VERIFY and DOCKER_CERT_PATH.",
  });
}
