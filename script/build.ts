/** Bundles src/main.ts into dist/: one small entry, one chunk per lazily imported part, the notices. */
import { mkdir, readdir, rename, rm, writeFile } from "node:fs/promises";
import { isBuiltin } from "node:module";
import path from "node:path";
import { build, type Plugin } from "esbuild";
import { noticesOf } from "./notices.ts";

const root = path.resolve(import.meta.dirname, "..");
const dist = path.join(root, "dist");

/**
 * Node finds the names that a CommonJS package exports; esbuild gives `import()` of one its default
 * export alone. So each package that we import lazily is wrapped in a module that lists the names.
 */
const lazyPackages: Plugin = {
  name: "lazy-packages",
  setup(hooks) {
    hooks.onResolve({ filter: /^[^./]/ }, ({ path: name, kind, resolveDir }) => {
      const isOurs = !resolveDir.includes("node_modules");
      if (kind !== "dynamic-import" || !isOurs || isBuiltin(name)) return undefined;
      return { path: name, namespace: "lazy", pluginData: resolveDir };
    });
    hooks.onLoad({ filter: /./, namespace: "lazy" }, async ({ path: name, pluginData }) => {
      const exported = Object.keys((await import(name)) as object);
      const names = exported.filter((each) => /^[\w$]+$/.test(each)).join(", ");
      return { contents: `export { ${names} } from "${name}";`, resolveDir: String(pluginData) };
    });
  },
};

async function bundle() {
  return build({
    absWorkingDir: root,
    entryPoints: ["src/main.ts"],
    outdir: dist,
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    target: "node24",
    chunkNames: "chunks/[name]-[hash]",
    minifyWhitespace: true,
    legalComments: "none",
    banner: {
      js: 'import{createRequire as _createRequire}from"node:module";const require=_createRequire(import.meta.url);',
    },
    plugins: [lazyPackages],
    metafile: true,
    write: false,
    logLevel: "warning",
  });
}

/** Chunks first, the entry last and in one step: a `dso` that starts meanwhile finds a whole program. */
async function replaceDist(files: ReadonlyMap<string, Uint8Array | string>): Promise<void> {
  await mkdir(path.join(dist, "chunks"), { recursive: true });
  const entryLast = [...files].sort(
    ([a], [b]) => Number(a === "main.js") - Number(b === "main.js"),
  );
  for (const [name, contents] of entryLast) {
    const temporary = path.join(dist, `${name}.new`);
    await writeFile(temporary, contents);
    await rename(temporary, path.join(dist, name));
  }
  for (const entry of await readdir(dist, { recursive: true, withFileTypes: true })) {
    const file = path.join(entry.parentPath, entry.name);
    if (entry.isFile() && !files.has(path.relative(dist, file))) await rm(file);
  }
}

const result = await bundle();
const files = new Map<string, Uint8Array | string>(
  result.outputFiles.map((file) => [path.relative(dist, file.path), file.contents]),
);
files.set("NOTICES.txt", await noticesOf(root, Object.keys(result.metafile.inputs)));
await replaceDist(files);
