/** What dso.yaml may say already, but nothing in this release acts on. */
import { DsoError } from "../model/errors.ts";
import { AVAILABLE } from "./build.ts";
import type { Config } from "./types.ts";

const HINT = "Remove it, or leave it for a later release: it changes nothing now.";

/** Keys of the agent and of a project without machinery, `*` for any name. */
const KEYS: readonly (readonly string[])[] = [
  ["agent", "http"],
  ["projects", "*", "source"],
];

/** One finding of `not-in-release` for each such thing that somebody wrote in dso.yaml, at its position. */
export function notInRelease(config: Config): readonly DsoError[] {
  return [...providers(config), ...keys(config)];
}

function providers(config: Config): readonly DsoError[] {
  const hint = `Only ${[...AVAILABLE].join(", ")} can be used now.`;
  return [...config.providers.values()]
    .filter(({ available }) => !available)
    .map(({ name, type }) =>
      finding(config, ["providers", name], `provider "${name}" of type ${type}`, hint),
    );
}

function keys(config: Config): readonly DsoError[] {
  return KEYS.flatMap((pattern) =>
    expand(pattern, config)
      .filter((path) => config.at(path) !== undefined)
      .map((path) => finding(config, path, path.join("."), HINT)),
  );
}

function expand(pattern: readonly string[], config: Config): readonly (readonly string[])[] {
  if (!pattern.includes("*")) return [pattern];
  return [...config.projects.keys()].map((name) =>
    pattern.map((part) => (part === "*" ? name : part)),
  );
}

function finding(config: Config, path: readonly string[], what: string, hint: string): DsoError {
  const position = config.at(path);
  return new DsoError("not-in-release", `${what} is not in this release`, {
    hint,
    ...(position && { position }),
  });
}
