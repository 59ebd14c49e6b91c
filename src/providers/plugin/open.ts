import { isAbsolute } from "node:path";
import { DsoError } from "../../model/errors.ts";
import type { SecretProvider } from "../../model/ports.ts";
import { Secret } from "../../model/secret.ts";
import type { Opening } from "../opening.ts";
import { createPluginProvider } from "./provider.ts";
import type { Scrub } from "./words.ts";

export interface PluginOpening extends Opening {
  /** What `type:` says: the program is `dso-provider-<type>`. */
  readonly type: string;
  /** Copies of plugins are run from below it. Absolute; made where it is not there. */
  readonly copies: string;
  readonly scrub: Scrub;
}

const DIRECTORY = "/usr/local/lib/dso/plugins";
const TIMEOUT_MS = 15_000;
const MAX_BYTES = 64 * 1024 * 1024;

/** Rejects with `config-invalid` where `$DSO_PLUGINS_DIR` is no absolute path. */
export function openPluginProvider(opening: PluginOpening): SecretProvider {
  const { name, type, settings, environment, copies, scrub, clock, pace } = opening;
  const directory = environment["DSO_PLUGINS_DIR"] || DIRECTORY;
  if (!isAbsolute(directory)) {
    throw new DsoError("config-invalid", `$DSO_PLUGINS_DIR is no absolute path: ${directory}`, {
      hint: "Write it from / on: a relative one would be another place in each directory.",
    });
  }
  const { config } = settings;
  return createPluginProvider({
    ...{ provider: name, type, directory, copies, scrub, clock, pace },
    config: config instanceof Secret ? config : new Secret(Buffer.from("{}")),
    environment: seenOf(environment, settings["environment"]),
    ...{ timeoutMs: TIMEOUT_MS, maxBytes: MAX_BYTES },
  });
}

/** PATH, and what dso.yaml lists. */
function seenOf(
  environment: Opening["environment"],
  listed: unknown,
): Readonly<Record<string, string>> {
  const names = ["PATH", ...(Array.isArray(listed) ? listed.map(String) : [])];
  const set = names.flatMap((name) => {
    const value = environment[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return Object.fromEntries(set);
}
