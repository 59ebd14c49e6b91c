import { readdir, readFile } from "node:fs/promises";
import path from "node:path";

interface PackageManifest {
  readonly name: string;
  readonly version: string;
  readonly license?: string;
}

/** Nothing of it is bundled as it is, but the validators contain the schema that it ships. */
const SCHEMA_PACKAGE = "docker-compose";

/** `a/node_modules/@x/y/lib/z.js` -> `a/node_modules/@x/y`; undefined for a file of our own. */
function packageFolder(input: string): string | undefined {
  return /^(.*\bnode_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(input)?.[1];
}

async function noticeOf(folder: string): Promise<string> {
  const manifest = JSON.parse(
    await readFile(path.join(folder, "package.json"), "utf8"),
  ) as PackageManifest;
  const legal = (await readdir(folder, { recursive: folder.endsWith(SCHEMA_PACKAGE) })).filter(
    (name) => /^(schema\/)?(licen[cs]e|notice|copying)/i.test(name),
  );
  const texts = await Promise.all(
    legal.sort().map(async (name) => readFile(path.join(folder, name), "utf8")),
  );
  const title = `${manifest.name} ${manifest.version} (${manifest.license ?? "see below"})`;
  return [title, ...texts.map((text) => text.trim())].join("\n\n");
}

/**
 * The licence texts of every package that `inputs` (paths below `root`) come from, sorted by folder,
 * and of the one whose Compose schema the generated validators were made from.
 */
export async function noticesOf(root: string, inputs: readonly string[]): Promise<string> {
  const packages = inputs.map(packageFolder).filter((folder) => folder !== undefined);
  const folders = new Set([...packages, `node_modules/${SCHEMA_PACKAGE}`]);
  const notices = await Promise.all(
    [...folders].sort().map(async (folder) => noticeOf(path.join(root, folder))),
  );
  const heading = "This program contains the following packages.";
  return `${[heading, ...notices].join(`\n\n${"-".repeat(72)}\n\n`)}\n`;
}
