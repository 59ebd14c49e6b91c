import { describe, expect, test } from "vitest";
import { localPaths } from "../../src/config/paths.ts";

describe("where things lie", () => {
  test("below the home directory, the key outside what the vault lies in", () => {
    expect(localPaths({}, "/home/me")).toEqual({
      home: "/home/me/.dso",
      vaultFile: "/home/me/.dso/vault.enc",
      keyFile: "/home/me/.config/dso/vault.key",
      stateDir: "/home/me/.dso/state",
      locksDir: "/home/me/.dso/locks",
      shimsDir: "/home/me/.dso/shims",
      pluginCopiesDir: "/home/me/.dso/run/plugins",
      agentSocket: "/home/me/.dso/run/agent.sock",
      memoryBase: undefined,
      runtimeDir: undefined,
    });
  });

  test("where variables say", () => {
    const paths = localPaths(
      {
        DSO_HOME: "/srv/dso",
        XDG_CONFIG_HOME: "/etc/me",
        DSO_MEMORY_DIR: "/mnt/memory",
        XDG_RUNTIME_DIR: "/run/user/1000",
      },
      "/home/me",
    );
    expect(paths).toMatchObject({
      vaultFile: "/srv/dso/vault.enc",
      keyFile: "/etc/me/dso/vault.key",
      memoryBase: "/mnt/memory",
      runtimeDir: "/run/user/1000",
    });
  });

  const names = [
    "DSO_HOME",
    "XDG_CONFIG_HOME",
    "DSO_VAULT_KEY_FILE",
    "DSO_MEMORY_DIR",
    "XDG_RUNTIME_DIR",
  ];

  test.each(names)("an empty %s is as none, and never the current directory", (name) => {
    expect(localPaths({ [name]: "" }, "/home/me")).toEqual(localPaths({}, "/home/me"));
  });

  test.each(names)("a relative %s is refused: it would move with the directory", (name) => {
    expect(() => localPaths({ [name]: "somewhere" }, "/home/me")).toThrow(`$${name}`);
  });
});
