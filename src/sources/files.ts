/** Files that somebody may edit, replace, remove or make: whoever watches them hears of it. */
import { existsSync } from "node:fs";
import { dirname } from "node:path";

export interface FileWatch {
  /** From now on these, and no others; absolute paths, also of files that are not there yet. */
  watch(files: ReadonlySet<string>): void;
  close(): Promise<void>;
}

/** How often a directory is looked for that is not there: nothing can be watched in it. */
const LOOK_MS = 1000;

/**
 * `changed` hears the path, once or more often for one change. `failed` hears why the system does not
 * tell any more, as where its watches are used up: whoever relies on it has to look now and then.
 */
export async function watchFiles(
  changed: (file: string) => void,
  failed: (error: unknown) => void,
): Promise<FileWatch> {
  const { watch } = await import("chokidar");
  const watcher = watch([], { ignoreInitial: true, ignorePermissionErrors: true, depth: 0 });
  watcher.on("error", failed);
  const watched = new Set<string>();
  const homeless = new Set<string>();
  const begin = (file: string): void => {
    if (hasHome(file)) watcher.add(file);
    else homeless.add(file);
  };
  const end = (file: string): void => {
    homeless.delete(file);
    watcher.unwatch(file);
  };
  watcher.on("all", (_, file) => {
    // To see a file being made its directory is watched, and others are made there, too.
    if (!watched.has(file)) return;
    // A directory that comes again under its name is another one.
    if (!hasHome(file)) {
      end(file);
      homeless.add(file);
    }
    changed(file);
  });
  const settle = (file: string): void => {
    homeless.delete(file);
    begin(file);
    if (existsSync(file)) changed(file);
  };
  const look = setInterval(() => [...homeless].filter(hasHome).forEach(settle), LOOK_MS);
  return {
    watch: (files) => replace(watched, files, { begin, end }),
    async close() {
      clearInterval(look);
      await watcher.close();
    },
  };
}

function hasHome(file: string): boolean {
  return existsSync(dirname(file));
}

interface Watching {
  readonly begin: (file: string) => void;
  readonly end: (file: string) => void;
}

function replace(watched: Set<string>, files: ReadonlySet<string>, { begin, end }: Watching): void {
  const gone = [...watched].filter((file) => !files.has(file));
  const fresh = [...files].filter((file) => !watched.has(file));
  for (const file of gone) watched.delete(file);
  for (const file of fresh) watched.add(file);
  gone.forEach(end);
  fresh.forEach(begin);
}
