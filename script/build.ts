/** Bundles src/main.ts into dist/: one small entry, one chunk per lazily imported part, the notices. */
import { mkdir, readdir, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { build, type Plugin } from "esbuild";
import { noticesOf } from "./notices.ts";

const root = path.resolve(import.meta.dirname, "..");
const dist = path.join(root, "dist");

/**
 * dockerode loads a gRPC stack as it is imported, for BuildKit sessions that we never open, and its
 * ssh client long before it is needed. The first is replaced by nothing, the second waits for its use.
 */
const light: Plugin = {
  name: "light",
  setup(hooks) {
    hooks.onResolve({ filter: /^(@grpc\/grpc-js|@grpc\/proto-loader|protobufjs)$/ }, () => ({
      path: "unused",
      namespace: "light",
    }));
    hooks.onResolve({ filter: /^ssh2$/ }, ({ pluginData }) =>
      pluginData === "real" ? undefined : { path: "ssh2", namespace: "light" },
    );
    hooks.onResolve({ filter: /^ssh2\/real$/, namespace: "light" }, () =>
      hooks.resolve("ssh2", { kind: "require-call", resolveDir: root, pluginData: "real" }),
    );
    hooks.onLoad({ filter: /^unused$/, namespace: "light" }, () => ({ contents: "" }));
    hooks.onLoad({ filter: /^ssh2$/, namespace: "light" }, () => ({
      contents: `exports.Client = function () { return new (require("ssh2/real").Client)(); };`,
      resolveDir: root,
    }));
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
    // Compiled add-ons are optional for the packages that have them, and are never built here.
    external: ["*.node"],
    banner: {
      js: 'import{createRequire as _createRequire}from"node:module";const require=_createRequire(import.meta.url);',
    },
    plugins: [light],
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
