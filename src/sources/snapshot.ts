/** What stands at paths at one time, told apart from what stands there later without reading it. */
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";

/** Path to what tells its file from another one, or from itself after a change; of a directory, all that lies in it, too. */
export type Snapshot = ReadonlyMap<string, string>;

export function snapshotOf(paths: Iterable<string>): Snapshot {
  const all = [...paths].flatMap((path) => [path, ...entriesOf(path)]);
  return new Map(all.map((path) => [path, signatureOf(path)]));
}

/** Paths that are not as they were: made, gone or changed. */
export function changedSince(before: Snapshot, now: Snapshot): readonly string[] {
  const all = new Set([...before.keys(), ...now.keys()]);
  return [...all].filter((path) => (before.get(path) ?? "") !== (now.get(path) ?? ""));
}

/** Empty for what is not there, or cannot be looked at. */
export function signatureOf(path: string): string {
  try {
    const found = statSync(path, { bigint: true });
    const { dev, ino, size, mtimeNs, ctimeNs } = found;
    // A directory changes with what lies in it, which is told on its own.
    return found.isDirectory() ? `${dev} ${ino}` : [dev, ino, size, mtimeNs, ctimeNs].join(" ");
  } catch {
    return "";
  }
}

function entriesOf(path: string): readonly string[] {
  try {
    return readdirSync(path).map((name) => join(path, name));
  } catch {
    return [];
  }
}
