/** Makes dist/: a small entry, the program with its compiled code, the shims, the notices. */
import { execFileSync } from "node:child_process";
import { mkdir, readdir, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { build, type BuildOptions, type Plugin } from "esbuild";
import { noticesOf } from "./notices.ts";
import { alias, plugins } from "./release/lighter.ts";
import { compileShims } from "./shim.ts";

const root = path.resolve(import.meta.dirname, "..");
const dist = path.join(root, "dist");

const common = {
  absWorkingDir: root,
  outdir: dist,
  bundle: true,
  platform: "node",
  target: "node24",
  minify: true,
  legalComments: "none",
  metafile: true,
  write: false,
  logLevel: "warning",
} as const satisfies BuildOptions;

/** Packages that next to no command needs: files of their own, that the others do not have to read. */
const PACKAGES = ["age-encryption", "chokidar", "pino"];

/** The SDKs of providers, each behind a file of ours that names what is used of it: read by whoever asks that store. */
const SDKS: Readonly<Record<string, string>> = {
  aws: "src/providers/aws/sdk.ts",
  azure: "src/providers/azure/sdk.ts",
};

async function bundleApart() {
  const separate = {
    ...common,
    entryNames: "[name]-[hash]",
    outExtension: { ".js": ".cjs" },
    format: "cjs",
  } as const satisfies BuildOptions;
  const packages = Object.fromEntries(PACKAGES.map((name) => [name, name]));
  const built = await Promise.all([
    build({ ...separate, entryPoints: packages }),
    build({
      ...separate,
      entryPoints: SDKS,
      // As ES modules they fall apart: a third of it, which nobody uses, stays away.
      mainFields: ["module", "main"],
      supported: { "dynamic-import": false },
    }),
  ]);
  const files = built.flatMap(({ outputFiles }) =>
    outputFiles.map(({ path: file, contents }) => ({ name: path.basename(file), contents })),
  );
  return { files, inputs: built.flatMap(({ metafile }) => Object.keys(metafile.inputs)) };
}

/** Where the program finds them: beside it. */
const apart = (names: readonly string[]): Plugin => ({
  name: "apart",
  setup(hooks) {
    const beside = (wanted: string) => ({
      path: `./${names.find((name) => name.startsWith(`${wanted}-`)) ?? ""}`,
      external: true,
    });
    hooks.onResolve({ filter: new RegExp(`^(${PACKAGES.join("|")})$`) }, (asked) =>
      beside(asked.path),
    );
    hooks.onResolve({ filter: /\/sdk\.ts$/ }, ({ path: file, resolveDir }) => {
      const asked = path.relative(root, path.resolve(resolveDir, file));
      const [name] = Object.entries(SDKS).find(([, entry]) => entry === asked) ?? [];
      return name === undefined ? undefined : beside(name);
    });
  },
});

/** Everything but the answers of src/main.ts: one script, that a loader can give its compiled code. */
async function bundleProgram(others: readonly string[]) {
  const { outputFiles, metafile } = await build({
    ...common,
    entryPoints: { program: "src/cli/process.ts" },
    entryNames: "[name]-[hash]",
    outExtension: { ".js": ".cjs" },
    format: "cjs",
    banner: { js: "(function(module,require){" },
    footer: { js: "})" },
    alias: { ...alias },
    plugins: [...plugins, apart(others)],
    // A script has no loader to import with; what is imported lazily is evaluated lazily.
    supported: { "dynamic-import": false },
  });
  const [file] = outputFiles;
  if (file === undefined) throw new Error("esbuild made no program");
  return { name: path.basename(file.path), contents: inAscii(file.text), inputs: metafile.inputs };
}

/** esbuild leaves patterns as they are, and one letter beyond Latin doubles the text in memory. */
function inAscii(text: string): string {
  return text.replaceAll(
    /[^\0-\x7f]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

const loaderForProgram: Plugin = {
  name: "loader-for-program",
  setup(hooks) {
    hooks.onResolve({ filter: /\/cli\/process\.ts$/ }, () => ({
      path: path.join(root, "script/release/load.ts"),
    }));
  },
};

async function bundleEntry(program: string): Promise<Uint8Array> {
  const { outputFiles } = await build({
    ...common,
    entryPoints: ["src/main.ts"],
    format: "esm",
    define: { PROGRAM: JSON.stringify(program) },
    plugins: [loaderForProgram],
  });
  const [file] = outputFiles;
  if (file === undefined) throw new Error("esbuild made no entry");
  return file.contents;
}

/** In one step: a `dso` that starts meanwhile finds a whole program. */
async function put(name: string, contents: Uint8Array | string, mode = 0o644): Promise<void> {
  const temporary = path.join(dist, `${name}.new`);
  await writeFile(temporary, contents, { mode });
  await rename(temporary, path.join(dist, name));
}

function compile(program: string): void {
  const warm = path.join(root, "script/release/warm.ts");
  const file = path.join(dist, program);
  execFileSync(process.execPath, [warm, file, `${file}.compiled`], {
    stdio: ["ignore", "ignore", "inherit"],
  });
}

const { files, inputs } = await bundleApart();
const program = await bundleProgram(files.map(({ name }) => name));
await mkdir(dist, { recursive: true });
for (const { name, contents } of files) await put(name, contents);
await put(program.name, program.contents);
compile(program.name);
await put("NOTICES.txt", await noticesOf(root, [...Object.keys(program.inputs), ...inputs]));
const shims = [...(await compileShims())].map(([architecture, contents]) => ({
  name: `shim-${architecture}`,
  contents,
}));
for (const { name, contents } of shims) await put(name, contents, 0o755);
await put("main.js", await bundleEntry(program.name));
const made = ["main.js", "NOTICES.txt", program.name, `${program.name}.compiled`];
made.push(...[...files, ...shims].map(({ name }) => name));
for (const name of await readdir(dist)) {
  if (!made.includes(name)) await rm(path.join(dist, name), { recursive: true });
}
