/** The example plugin, and others in the shell, as processes of their own. */
import { mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll } from "vitest";
import { describeProvider, type Store } from "../providers/contract.ts";
import { createPluginScene, example, json, type PluginScene } from "./pluginScene.ts";

let scene: PluginScene;

beforeAll(async () => {
  scene = await createPluginScene();
  await scene.install("folder", await example());
});

afterAll(() => scene[Symbol.asyncDispose]());

async function folderStore(): Promise<Store> {
  const root = join(scene.path, "secrets");
  await mkdir(root, { recursive: true });
  const provider = scene.open("folder", { config: json({ path: root }) });
  return {
    provider,
    put: async (path, value) => {
      const directory = join(root, path);
      await mkdir(directory, { recursive: true });
      const last = Math.max(0, ...(await readdir(directory)).map(Number).filter(Number.isInteger));
      await writeFile(join(directory, String(last + 1)), value);
    },
    remove: (path) => rm(join(root, path), { recursive: true, force: true }),
    [Symbol.asyncDispose]: () => provider.close(),
  };
}

const NAMES = [
  "db/password",
  "other",
  "a b",
  "ü/€",
  "x#y?z",
  "..data/token",
  ".hidden",
  "1",
  "%41",
];

describeProvider("the example plugin", folderStore, {
  ...{ versioned: true, keepsOlder: true, binary: true, holdsEmpty: true, names: NAMES },
});
