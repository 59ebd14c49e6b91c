/** What dso.yaml may say already, but nothing in this release acts on. */
import { DsoError } from "../model/errors.ts";
import type { Config } from "./types.ts";

const HINT = "Remove it, or leave it for a later release: it changes nothing now.";

/** Keys of the agent and of a project without machinery, `*` for any name. */
const KEYS: readonly (readonly string[])[] = [
  ["agent", "http"],
  ["projects", "*", "source"],
];

/** One finding of `not-in-release` for each such thing that somebody wrote in dso.yaml, at its position. */
export function notInRelease(config: Config): readonly DsoError[] {
  return KEYS.flatMap((pattern) =>
    expand(pattern, config)
      .filter((path) => config.at(path) !== undefined)
      .map((path) => finding(config, path)),
  );
}

function expand(pattern: readonly string[], config: Config): readonly (readonly string[])[] {
  if (!pattern.includes("*")) return [pattern];
  return [...config.projects.keys()].map((name) =>
    pattern.map((part) => (part === "*" ? name : part)),
  );
}

function finding(config: Config, path: readonly string[]): DsoError {
  const position = config.at(path);
  return new DsoError("not-in-release", `${path.join(".")} is not in this release`, {
    hint: HINT,
    ...(position && { position }),
  });
}
