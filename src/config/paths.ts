import { join } from "node:path";

/** Where DSO keeps what it keeps. All absolute. */
export interface Paths {
  readonly home: string;
  readonly vaultFile: string;
  readonly keyFile: string;
  readonly stateDir: string;
  readonly locksDir: string;
  /** Base of the memory-backed directories; undefined lets the delivery choose. */
  readonly memoryBase: string | undefined;
}

/**
 * Local mode: `$DSO_HOME`, else `~/.dso`; the vault's key lies outside it, below
 * `$XDG_CONFIG_HOME`. `$DSO_MEMORY_DIR` puts the memory directories elsewhere,
 * for an engine that sees other paths than this process.
 */
export function localPaths(
  environment: Readonly<Record<string, string | undefined>>,
  home: string,
): Paths {
  const base = environment["DSO_HOME"] ?? join(home, ".dso");
  const configHome = environment["XDG_CONFIG_HOME"] ?? join(home, ".config");
  return {
    home: base,
    vaultFile: join(base, "vault.enc"),
    keyFile: environment["DSO_VAULT_KEY_FILE"] ?? join(configHome, "dso", "vault.key"),
    stateDir: join(base, "state"),
    locksDir: join(base, "locks"),
    memoryBase: environment["DSO_MEMORY_DIR"],
  };
}
