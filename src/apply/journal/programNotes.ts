/** Which programs of provider services run: what a killed run has left is found by it. */
import { join } from "node:path";
import type { ProcessIdentity } from "../../lib/process.ts";
import type { ProgramCall, RunningProgram } from "../../model/providerPrograms.ts";
import { createStateFile, type StateFile } from "./stateFile.ts";

export interface ProgramNotes {
  /** By service. Rejects with `state-corrupt`. */
  programs(project: string): Promise<Readonly<Record<string, RunningProgram>>>;
  /** Without a process: it is over. On disk when it resolves. */
  noteProgram(
    call: Pick<ProgramCall, "project" | "service" | "verb">,
    process: ProcessIdentity | undefined,
  ): Promise<void>;
}

type Running = Readonly<Record<string, RunningProgram>>;

/** One readable file per project, `programs-<project>.json`; writers hold the project's lock. */
export function createProgramNotes(directory: string): ProgramNotes {
  const files = new Map<string, StateFile<Running>>();
  const fileOf = (project: string): StateFile<Running> => {
    const path = join(directory, `programs-${project}.json`);
    const file = files.get(project) ?? createStateFile({ path, empty: {}, parse: readRunning });
    files.set(project, file);
    return file;
  };
  return {
    programs: (project) => fileOf(project).read(),
    async noteProgram({ project, service, verb }, process) {
      await fileOf(project).update((all) => {
        const others = Object.entries(all).filter(([name]) => name !== service);
        const own = process && { verb, ...process };
        return Object.fromEntries(own === undefined ? others : [...others, [service, own]]);
      });
    },
  };
}

function readRunning(document: unknown): Running {
  if (typeof document !== "object" || document === null) {
    throw new Error("programs by service were expected");
  }
  for (const [service, program] of Object.entries(document)) {
    if (!isRunning(program)) throw new Error(`the entry of ${service} is no process`);
  }
  return document as Running;
}

function isRunning(entry: unknown): entry is RunningProgram {
  if (typeof entry !== "object" || entry === null) return false;
  const { pid, verb, ...where } = entry as Partial<Record<keyof RunningProgram, unknown>>;
  const { bootId, pidNamespace, startTime } = where;
  return (
    // 0 and 1 would be the group of whoever asks, and everybody.
    Number.isSafeInteger(pid) &&
    Number(pid) > 1 &&
    (verb === "up" || verb === "down") &&
    [bootId, pidNamespace, startTime].every((text) => typeof text === "string")
  );
}
