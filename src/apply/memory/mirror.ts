import { existsSync, readdirSync } from "node:fs";
import { rm, rmdir } from "node:fs/promises";
import { join } from "node:path";
import { ensurePrivateDirectory, writeFileAtomic } from "../../lib/files.ts";
import { removeAbandoned } from "../../lib/temporary.ts";
import type { Manifest } from "../../model/delivery.ts";
import { DsoError, hasCode } from "../../model/errors.ts";
import { readManifest } from "./generation.ts";

/**
 * The manifests once more, in the state directory: they say the same as those in memory and need no
 * memory to be mounted. By project, so that a plan can read them while the engine still lists.
 */
export interface Mirror {
  write(manifest: Manifest): Promise<void>;
  /** Of the whole project, by generation. */
  ofProject(project: string): Promise<ReadonlyMap<string, Manifest>>;
  /** The ids alone. */
  generationsOf(project: string): readonly string[];
  find(generation: string): Promise<Manifest | undefined>;
  remove(generation: string): Promise<void>;
  /** Removes what killed writers left of the project. */
  tidy(project: string): Promise<void>;
}

/** Below `<stateDir>/generations/<project>/`. */
export function createMirror(stateDir: string): Mirror {
  const root = join(stateDir, "generations");
  const path = (project: string, id: string): string => join(root, project, `${checkId(id)}.json`);
  const generationsOf = (project: string): readonly string[] =>
    namesIn(join(root, project)).flatMap((name) => /^([0-9a-f]+)\.json$/.exec(name)?.[1] ?? []);
  const holdersOf = (id: string): readonly string[] =>
    namesIn(root).filter((project) => existsSync(path(project, id)));
  return {
    async write(manifest) {
      ensurePrivateDirectory(join(root, manifest.project));
      const file = path(manifest.project, manifest.generation);
      await writeFileAtomic(file, textOf(manifest));
    },
    async ofProject(project) {
      const found = new Map<string, Manifest>();
      for (const id of generationsOf(project)) {
        const manifest = await readManifest(path(project, id));
        if (manifest !== undefined) found.set(id, manifest);
      }
      return found;
    },
    generationsOf,
    async find(id) {
      const [project] = holdersOf(id);
      return project === undefined ? undefined : readManifest(path(project, id));
    },
    async remove(id) {
      for (const project of holdersOf(id)) {
        await rm(path(project, id), { force: true });
        await removeEmpty(join(root, project));
      }
    },
    async tidy(project) {
      removeAbandoned(join(root, project));
      await removeEmpty(join(root, project));
    },
  };
}

export function textOf(manifest: Manifest): string {
  return `${JSON.stringify(manifest, undefined, 2)}\n`;
}

/** None where there is no directory. In memory or small and local: another thread takes longer to start. */
export function namesIn(path: string): readonly string[] {
  try {
    return readdirSync(path);
  } catch (error) {
    if (hasCode(error, "ENOENT", "ENOTDIR")) return [];
    throw error;
  }
}

export function isId(text: string): boolean {
  return /^[0-9a-f]{8,64}$/.test(text);
}

/** Ids come back from labels, which anybody can write: they must not lead elsewhere. */
export function checkId(id: string): string {
  if (!isId(id)) throw new DsoError("internal", `${JSON.stringify(id)} is no id of a generation`);
  return id;
}

async function removeEmpty(directory: string): Promise<void> {
  try {
    await rmdir(directory);
  } catch (error) {
    if (!hasCode(error, "ENOENT", "ENOTEMPTY", "EEXIST")) throw error;
  }
}
