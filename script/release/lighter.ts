/** What a start does without: parts of packages, and of Node, that are loaded and not used. */
import fs from "node:fs";
import { createRequire } from "node:module";
import type { Plugin } from "esbuild";

const require = createRequire(import.meta.url);

/** commander would load it to run subcommands that are programs of their own: we have none. */
const withoutPrograms: Plugin = {
  name: "without-programs",
  setup(hooks) {
    hooks.onResolve({ filter: /^node:child_process$/ }, ({ importer }) =>
      importer.includes("/node_modules/commander/")
        ? { path: "child_process", namespace: "nothing" }
        : undefined,
    );
    hooks.onLoad({ filter: /.*/, namespace: "nothing" }, () => ({
      contents: "export default {};",
    }));
  },
};

/** Whatever writes files imports it, and a plan writes none: loaded by the first call. */
const promisesWhenCalled: Plugin = {
  name: "promises-when-called",
  setup(hooks) {
    hooks.onResolve({ filter: /^node:fs\/promises$/ }, () => ({
      path: "promises",
      namespace: "when-called",
    }));
    hooks.onLoad({ filter: /.*/, namespace: "when-called" }, () => {
      const names = Object.keys(fs.promises).filter((name) => name !== "constants");
      const call = (name: string): string =>
        `export const ${name} = (...given) => fs.promises.${name}(...given);`;
      return {
        contents: [
          'import fs from "node:fs";',
          "export const constants = fs.constants;",
          ...names.map(call),
        ].join("\n"),
      };
    });
  },
};

/** In the place of packages that proper-lockfile brings. */
export const alias: Readonly<Record<string, string>> = {
  // It has a file system of ours.
  "graceful-fs": "node:fs",
  // The package waits for eighteen signals.
  "signal-exit": require.resolve("./onExit.cjs"),
};

export const plugins: readonly Plugin[] = [withoutPrograms, promisesWhenCalled];
