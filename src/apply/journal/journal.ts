import { join } from "node:path";
import { ensurePrivateDirectory } from "../../lib/files.ts";
import type { Rotation, RotationStatus } from "../../model/journal.ts";
import { createProgramNotes, type ProgramNotes } from "./programNotes.ts";
import { createStateFile, type StateFile } from "./stateFile.ts";

/** What is on disk before each step of a change. */
export interface Journal extends ProgramNotes {
  /** Names of those of which there is one. */
  projects(): Promise<readonly string[]>;
  /** Oldest first. Rejects with `state-corrupt`: a damaged journal is never taken for an empty one. */
  list(project: string): Promise<readonly Rotation[]>;
  /** Adds it, or replaces the one of the same id; on disk when it resolves. */
  write(rotation: Rotation): Promise<void>;
  /** What nobody has to finish or to know of any more. */
  remove(project: string, ids: ReadonlySet<string>): Promise<void>;
}

const STATUSES: ReadonlySet<string> = new Set<RotationStatus>([
  "in_progress",
  "rolling_back",
  "rolled_back",
  "completed",
  "failed",
  "rollback_required",
]);
/** The whole file is written at each step, a few kilobytes for each entry; the history remembers more. */
const KEPT = 30;

/** One readable file per project, `rotations-<project>.json`; writers hold the project's lock. */
export function createJournal(directory: string): Journal {
  const files = new Map<string, StateFile<readonly Rotation[]>>();
  const fileOf = (project: string): StateFile<readonly Rotation[]> => {
    const path = join(directory, `rotations-${project}.json`);
    const file = files.get(project) ?? createStateFile({ path, empty: [], parse: readRotations });
    files.set(project, file);
    return file;
  };
  return {
    ...createProgramNotes(directory),
    projects: () => projectsIn(directory),
    list: (project) => fileOf(project).read(),
    async write(rotation) {
      await fileOf(rotation.project).update((all) => bounded(put(all, rotation)));
    },
    async remove(project, ids) {
      await fileOf(project).update((all) => all.filter(({ id }) => !ids.has(id)));
    },
  };
}

async function projectsIn(directory: string): Promise<readonly string[]> {
  const { readdir } = await import("node:fs/promises");
  ensurePrivateDirectory(directory);
  return (await readdir(directory)).flatMap(
    (name) => /^rotations-(.+)\.json$/.exec(name)?.[1] ?? [],
  );
}

/** Somebody still has to finish or undo it. */
export function isOpen(rotation: Rotation): boolean {
  return rotation.status === "in_progress" || rotation.status === "rolling_back";
}

function put(rotations: readonly Rotation[], rotation: Rotation): readonly Rotation[] {
  const index = rotations.findIndex(({ id }) => id === rotation.id);
  return index === -1 ? [...rotations, rotation] : rotations.with(index, rotation);
}

/** What recovery or a person needs is never dropped, however long the list. */
function bounded(rotations: readonly Rotation[]): readonly Rotation[] {
  const needed = (rotation: Rotation): boolean =>
    isOpen(rotation) || rotation.status === "rollback_required";
  let surplus = rotations.filter((rotation) => !needed(rotation)).length - KEPT;
  return rotations.filter((rotation) => needed(rotation) || surplus-- <= 0);
}

function readRotations(document: unknown): readonly Rotation[] {
  if (!Array.isArray(document)) throw new Error("a list of rotations was expected");
  return document.map((entry: unknown, index) => {
    if (!isRotation(entry)) throw new Error(`entry ${index + 1} is no rotation`);
    return entry;
  });
}

function isRotation(entry: unknown): entry is Rotation {
  if (typeof entry !== "object" || entry === null) return false;
  const { id, project, service, name, method, status, step } = entry as Partial<
    Record<keyof Rotation, unknown>
  >;
  return (
    [id, project, service, name, method, step].every((text) => typeof text === "string") &&
    typeof status === "string" &&
    STATUSES.has(status)
  );
}
