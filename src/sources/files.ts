/** Files that somebody may edit, replace, remove or make: whoever watches them hears of it. */
import { existsSync, statSync } from "node:fs";
import { dirname } from "node:path";
import type { FSWatcher } from "chokidar";
import { changedSince, signatureOf, snapshotOf } from "./snapshot.ts";

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
  /** The directories that are watched, by path: which one each was when that began. */
  directories: ReadonlyMap<string, string>;
  watcher: FSWatcher | undefined;
  /** One change of it after the other. */
  last: Promise<void>;
}

/** How often it is looked for directories that have come, gone, or come again. */
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
    ...{ changed, failed, files: none, directories: new Map(), known: new Map() },
    ...{ watcher: undefined, last: Promise.resolve() },
  };
  const look = setInterval(() => {
    const moved = [...state.files].filter((file) => isMoved(state, file));
    if (moved.length === 0) return;
    void renew(state, state.files).then(() => moved.filter(existsSync).forEach(changed));
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

/**
 * The old watch ends before the new one begins: of one path they would share what the system tells, and that
 * may be of a directory that is no longer there. What changes in between is found by looking.
 */
async function begin(state: State, files: ReadonlySet<string>): Promise<void> {
  const { watch } = await import("chokidar");
  await state.watcher?.close();
  state.directories = directoriesOf(files);
  // In a directory that is not there nothing can be watched.
  const homes = [...files].filter((file) => existsSync(dirname(file)));
  const options = { ignoreInitial: true, ignorePermissionErrors: true, depth: 0 };
  const watcher = watch(homes, options).on("error", state.failed);
  state.watcher = watcher;
  watcher.on("all", (_, file) => {
    // To see a file being made its directory is watched, and others are made there, too.
    if (!files.has(file) && !files.has(dirname(file))) return;
    const now = signatureOf(file);
    // What comes and goes in a directory is not remembered for ever.
    if (now === "" && !files.has(file)) state.known.delete(file);
    else state.known.set(file, now);
    state.changed(file);
  });
  if (homes.length > 0) await new Promise<void>((resolve) => void watcher.once("ready", resolve));
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

/**
 * Whether its directory, or what is one itself, is another one than is watched: the system tells nothing of
 * what was made anew under the same name, and what it tells of the old one may come while that is half gone.
 */
function isMoved({ directories }: State, file: string): boolean {
  return [dirname(file), file].some((path) => directories.get(path) !== identityOf(path));
}

function directoriesOf(files: ReadonlySet<string>): ReadonlyMap<string, string> {
  const paths = new Set([...files].flatMap((file) => [dirname(file), file]));
  return new Map([...paths].map((path) => [path, identityOf(path)]));
}

/** Of a directory, by which one is told from another that has its name; "" of all else, and of what may not be looked at. */
function identityOf(path: string): string {
  try {
    const stat = statSync(path, { bigint: true });
    return stat.isDirectory() ? `${stat.dev}:${stat.ino}:${stat.birthtimeNs}` : "";
  } catch {
    return "";
  }
}
