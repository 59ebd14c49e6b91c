import { rm } from "node:fs/promises";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { ensurePrivateDirectory, readPrivateFile, writeFileAtomic } from "../lib/files.ts";
import { DsoError } from "../model/errors.ts";
import type {
  FailedAttempt,
  HistoryEntry,
  Hold,
  ProjectState,
  RegisteredProject,
  StoredAnswer,
} from "./state.ts";

/** Entries that are kept per project, and how many of the newest with a model keep it, whatever their age. */
const KEPT = 100;
const KEPT_MODELS = 10;

interface ProjectFile {
  readonly v: 1;
  readonly registered?: RegisteredProject;
  readonly history: readonly HistoryEntry[];
  readonly attempts?: readonly FailedAttempt[];
  readonly answers?: Readonly<Record<string, StoredAnswer>>;
}

/**
 * One readable JSON file per project, below `directory`, replaced as a whole, and
 * one beside it while the project is held. Writers hold the project's lock; a hold
 * is set without it, also while an apply is at work, and so has a file of its own. Rejects with `state-corrupt` for a file that
 * is not ours to read: it is never taken for an empty one.
 */
export function createStateFiles(directory: string): ProjectState {
  const path = (project: string): string => join(directory, `project-${project}.json`);
  const holdPath = (project: string): string => join(directory, `hold-${project}.json`);
  const read = async (project: string): Promise<ProjectFile> =>
    (await readState(path(project), isProjectFile)) ?? { v: 1, history: [] };
  const inTurn = createTurns();
  const change = (project: string, edit: (file: ProjectFile) => ProjectFile): Promise<void> =>
    inTurn(project, async () => {
      const next = edit(await read(project));
      ensurePrivateDirectory(directory);
      await writeFileAtomic(path(project), `${JSON.stringify(next, null, 2)}\n`);
    });
  return {
    projects: (onFault) => readAll(directory, read, onFault),
    register: (registered) => change(registered.name, (file) => ({ ...file, registered })),
    registered: async (project) => (await read(project)).registered,
    forget: async (project) => {
      await change(project, ({ v, history }) => ({ v, history }));
      await rm(holdPath(project), { force: true });
    },
    history: async (project) => (await read(project)).history,
    remember: (project, entry) =>
      change(project, (file) => ({ ...file, history: append(file.history, entry) })),
    attempts: async (project) => (await read(project)).attempts ?? [],
    setAttempts: (project, attempts) => change(project, (file) => ({ ...file, attempts })),
    answers: async (project) => (await read(project)).answers ?? {},
    setAnswer: (project, service, answer) =>
      change(project, (file) => withAnswer(file, service, answer)),
    hold: (project) => readState(holdPath(project), isHold),
    setHold: async (project, hold) => {
      if (hold === undefined) return rm(holdPath(project), { force: true });
      ensurePrivateDirectory(directory);
      await writeFileAtomic(holdPath(project), `${JSON.stringify(hold, null, 2)}\n`);
    },
  };
}

/** Per key one after the other: programs answer at once, and what one notes must not be lost to another. */
function createTurns(): (key: string, work: () => Promise<void>) => Promise<void> {
  const last = new Map<string, Promise<void>>();
  return (key, work) => {
    const turn = (last.get(key) ?? Promise.resolve()).then(work);
    const over = turn.catch(() => undefined);
    last.set(key, over);
    return turn;
  };
}

function withAnswer(
  { answers = {}, ...file }: ProjectFile,
  service: string,
  answer: StoredAnswer | undefined,
): ProjectFile {
  const others = Object.entries(answers).filter(([name]) => name !== service);
  const all = answer === undefined ? others : [...others, [service, answer] as const];
  const sorted = all.sort(([a], [b]) => (a < b ? -1 : 1));
  return { ...file, answers: Object.fromEntries(sorted) };
}

async function readAll(
  directory: string,
  read: (project: string) => Promise<ProjectFile>,
  onFault?: (error: DsoError) => void,
): Promise<readonly RegisteredProject[]> {
  const { readdir } = await import("node:fs/promises");
  ensurePrivateDirectory(directory);
  const names = (await readdir(directory)).flatMap(
    (name) => /^project-(.+)\.json$/.exec(name)?.[1] ?? [],
  );
  const files = await Promise.all(
    names.sort().map((name) =>
      read(name).catch((error: unknown) => {
        if (onFault === undefined || !(error instanceof DsoError)) throw error;
        onFault(error);
        return undefined;
      }),
    ),
  );
  return files.flatMap((file) => file?.registered ?? []);
}

/** Newest first. Of what failed no number of entries pushes out a model: a rollback needs it. */
function append(
  history: readonly HistoryEntry[],
  entry: Omit<HistoryEntry, "revision">,
): readonly HistoryEntry[] {
  const [newest, ...older] = history;
  if (newest !== undefined && isRepeated(newest, entry))
    return [{ ...newest, at: entry.at }, ...older];
  const all = [{ revision: (newest?.revision ?? 0) + 1, ...entry }, ...history];
  const applied = new Set(all.filter(({ model }) => model !== undefined).slice(0, KEPT_MODELS));
  const others = all.filter((one) => !applied.has(one)).slice(0, KEPT - applied.size);
  const kept = new Set([...applied, ...others]);
  return all
    .filter((one) => kept.has(one))
    .map((one) => (applied.has(one) ? one : { ...one, model: undefined }));
}

/** The same process has failed at the same once more, as an agent does until somebody mends it. */
function isRepeated(newest: HistoryEntry, entry: Omit<HistoryEntry, "revision">): boolean {
  const failed = entry.outcome === "failed" || entry.outcome === "rolled-back";
  const withoutModel = newest.model === undefined && entry.model === undefined;
  return failed && withoutModel && isDeepStrictEqual(tried(newest), tried(entry));
}

function tried({
  who,
  outcome,
  summary,
  reasons,
  versions,
  rollbackTo,
}: Omit<HistoryEntry, "revision">) {
  return { who, outcome, summary, reasons, versions, rollbackTo };
}

async function readState<T>(
  path: string,
  isIt: (value: unknown) => value is T,
): Promise<T | undefined> {
  const bytes = await readPrivateFile(path);
  if (bytes === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(bytes.toString("utf8"));
    if (isIt(value)) return value;
  } catch (cause) {
    throw corrupt(path, cause);
  }
  throw corrupt(path, undefined);
}

function isProjectFile(file: unknown): file is ProjectFile {
  return (
    typeof file === "object" &&
    file !== null &&
    "v" in file &&
    file.v === 1 &&
    "history" in file &&
    Array.isArray(file.history)
  );
}

function isHold(value: unknown): value is Hold {
  if (typeof value !== "object" || value === null) return false;
  const { since, who, why } = value as Partial<Record<keyof Hold, unknown>>;
  return [since, who, why].every((text) => typeof text === "string");
}

function corrupt(path: string, cause: unknown): DsoError {
  return new DsoError("state-corrupt", `${path} cannot be read as the state of a project.`, {
    hint: "Move it away to start with an empty history; containers are not affected.",
    cause,
  });
}
