import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { loadProject } from "../../src/compose/load.ts";
import type { LoadedProject, LoadOptions } from "../../src/compose/load.ts";
import { DsoError } from "../../src/model/errors.ts";

/** A directory of files for one test; its last part, and so the project's name, is `shop`. */
export interface Directory extends AsyncDisposable {
  readonly root: string;
  load(options?: Partial<LoadOptions>): Promise<LoadedProject>;
  /** The error that loading ends with. */
  fault(options?: Partial<LoadOptions>): Promise<DsoError>;
}

export async function directory(files: Readonly<Record<string, string>>): Promise<Directory> {
  const parent = await mkdtemp(path.join(tmpdir(), "dso-compose-"));
  const root = path.join(parent, "shop");
  await mkdir(root);
  for (const [name, text] of Object.entries(files)) {
    await mkdir(path.dirname(path.join(root, name)), { recursive: true });
    await writeFile(path.join(root, name), text);
  }
  const load = (options: Partial<LoadOptions> = {}) =>
    loadProject({ cwd: root, env: {}, home: "/home/me", ...options }, new AbortController().signal);
  return {
    root,
    load,
    fault: async (options) => {
      try {
        await load(options);
      } catch (error) {
        if (error instanceof DsoError) return error;
        throw error;
      }
      throw new Error("the project was accepted");
    },
    [Symbol.asyncDispose]: () => rm(parent, { recursive: true, force: true }),
  };
}
