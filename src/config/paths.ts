import { isAbsolute, join } from "node:path";
import { DsoError } from "../model/errors.ts";

/** Where DSO keeps what it keeps. All absolute. */
export interface Paths {
  readonly home: string;
  readonly vaultFile: string;
  readonly keyFile: string;
  readonly stateDir: string;
  readonly locksDir: string;
  /** Of the programs that containers bind. */
  readonly shimsDir: string;
  /** Of the copies of plugins that run; private. */
  readonly pluginCopiesDir: string;
  /** Of the agent; in a directory of its own, which is private. */
  readonly agentSocket: string;
  /** Base of the memory-backed directories; undefined lets the delivery choose. */
  readonly memoryBase: string | undefined;
  /** `$XDG_RUNTIME_DIR`: memory of this user, where the system gives any. */
  readonly runtimeDir: string | undefined;
}

/**
 * Local mode: `$DSO_HOME`, else `~/.dso`; the vault's key lies outside it, below
 * `$XDG_CONFIG_HOME`. `$DSO_MEMORY_DIR` puts the memory directories elsewhere,
 * for an engine that sees other paths than this process. A variable that is empty
 * counts as not set. Rejects with `config-invalid` for a relative path.
 */
export function localPaths(
  environment: Readonly<Record<string, string | undefined>>,
  home: string,
): Paths {
  const path = (name: string): string | undefined => absolutePath(name, environment[name]);
  const base = path("DSO_HOME") ?? join(home, ".dso");
  const configHome = path("XDG_CONFIG_HOME") ?? join(home, ".config");
  return {
    home: base,
    vaultFile: join(base, "vault.enc"),
    keyFile: path("DSO_VAULT_KEY_FILE") ?? join(configHome, "dso", "vault.key"),
    stateDir: join(base, "state"),
    locksDir: join(base, "locks"),
    shimsDir: join(base, "shims"),
    pluginCopiesDir: join(base, "run", "plugins"),
    agentSocket: join(base, "run", "agent.sock"),
    memoryBase: path("DSO_MEMORY_DIR"),
    runtimeDir: path("XDG_RUNTIME_DIR"),
  };
}

function absolutePath(name: string, value: string | undefined): string | undefined {
  if (value === undefined || value === "" || isAbsolute(value)) return value || undefined;
  throw new DsoError("config-invalid", `$${name} is no absolute path: ${value}`, {
    hint: "Write it from / on: a relative one would be another place in each directory.",
  });
}
