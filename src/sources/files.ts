/** Files that somebody may edit, replace, remove or make: whoever watches them hears of it. */
import { existsSync } from "node:fs";
import { dirname } from "node:path";
import type { FSWatcher } from "chokidar";
import { changedSince, signatureOf, snapshotOf } from "../lib/snapshot.ts";

export interface FileWatch {
  /**
   * From now on these, and no others; absolute paths, also of files that are not there yet. Of a
   * directory all that lies in it is heard of, under its own path. Resolves once the system tells of
   * them all; what changes from the call on is heard of.
   */
  watch(files: ReadonlySet<string>): Promise<void>;
  close(): Promise<void>;
}

interface State {
  readonly changed: (file: string) => void;
  readonly failed: (error: unknown) => void;
  files: ReadonlySet<string>;
  /** How they were when they were last told of, or first asked for. */
  known: Map<string, string>;
  /** Those whose directory is not there: nothing can be watched in it. */
  homeless: ReadonlySet<string>;
  watcher: FSWatcher | undefined;
  /** One change of it after the other. */
  last: Promise<void>;
}

/** How often a directory is looked for that is not there. */
const LOOK_MS = 1000;

/**
 * `changed` hears the path, once or more often for one change. `failed` hears why the system does not
 * tell any more, as where its watches are used up: whoever relies on it has to look now and then.
 */
export function watchFiles(
  changed: (file: string) => void,
  failed: (error: unknown) => void,
): FileWatch {
  const none = new Set<string>();
  const state: State = {
    ...{ changed, failed, files: none, homeless: none, known: new Map() },
    ...{ watcher: undefined, last: Promise.resolve() },
  };
  const look = setInterval(() => {
    const settled = [...state.homeless].filter(hasHome);
    if (settled.length === 0) return;
    void renew(state, state.files).then(() => settled.filter(existsSync).forEach(changed));
  }, LOOK_MS);
  return {
    watch: (files) => {
      const same =
        files.size === state.files.size && [...files].every((one) => state.files.has(one));
      return same ? state.last : renew(state, files);
    },
    async close() {
      clearInterval(look);
      await state.last;
      await state.watcher?.close();
    },
  };
}

function renew(state: State, files: ReadonlySet<string>): Promise<void> {
  state.files = files;
  state.known = new Map([...snapshotOf(files), ...state.known]);
  state.last = state.last.then(() => begin(state, files)).catch(state.failed);
  return state.last;
}

/** The new watch stands before the old one ends; what the old one had not told yet is found by looking. */
async function begin(state: State, files: ReadonlySet<string>): Promise<void> {
  const { watch } = await import("chokidar");
  const before = state.watcher;
  const homes = [...files].filter(hasHome);
  state.homeless = new Set([...files].filter((file) => !hasHome(file)));
  const options = { ignoreInitial: true, ignorePermissionErrors: true, depth: 0 };
  const watcher = watch(homes, options).on("error", state.failed);
  state.watcher = watcher;
  watcher.on("all", (_, file) => {
    // To see a file being made its directory is watched, and others are made there, too.
    if (!files.has(file) && !files.has(dirname(file))) return;
    // A directory that comes again under its name is another one.
    if (!hasHome(file)) state.homeless = new Set([...state.homeless, file]);
    const now = signatureOf(file);
    // What comes and goes in a directory is not remembered for ever.
    if (now === "" && !files.has(file)) state.known.delete(file);
    else state.known.set(file, now);
    state.changed(file);
  });
  if (homes.length > 0) await new Promise<void>((resolve) => void watcher.once("ready", resolve));
  await before?.close();
  tellUntold(state, files);
}

function tellUntold(state: State, files: ReadonlySet<string>): void {
  const now = snapshotOf(files);
  const watched = [...state.known].filter(([path]) => files.has(path) || files.has(dirname(path)));
  const untold = changedSince(new Map(watched), now);
  if (files === state.files) state.known = new Map(watched);
  for (const path of untold) state.known.set(path, now.get(path) ?? "");
  untold.forEach(state.changed);
}

function hasHome(file: string): boolean {
  return existsSync(dirname(file));
}
