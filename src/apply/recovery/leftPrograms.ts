/** Programs of provider services that a killed run has left at work: none may run beside the next one. */
import { DsoError } from "../../model/errors.ts";
import type { Report } from "../../model/events.ts";
import type { ProviderPrograms, RunningProgram } from "../../model/providerPrograms.ts";
import type { ProgramNotes } from "../journal/programNotes.ts";

interface Tools {
  readonly programs: Pick<ProviderPrograms, "endLeft">;
  readonly journal: Pick<ProgramNotes, "noteProgram">;
}

/** Rejects with `program-failed` where one does not end. Wants the project's lock. */
export async function endLeftPrograms(
  project: string,
  left: readonly (readonly [service: string, program: RunningProgram])[],
  { programs, journal }: Tools,
  report: Report,
  signal: AbortSignal,
): Promise<void> {
  for (const [service, program] of left) {
    const { verb, pid } = program;
    const which = `service "${service}" (${verb}, process ${pid})`;
    const how = await programs.endLeft(program, signal);
    if (how === "stays") {
      const message = `a program of an earlier run is still at work, and does not end: ${which}`;
      throw new DsoError("program-failed", message, {
        hint: `No other one is started beside it. As a user who may: kill -KILL -- -${pid}`,
      });
    }
    await journal.noteProgram({ project, service, verb }, undefined);
    if (how === "ended") {
      const message = `ended a program of an earlier run that was still at work: ${which}`;
      report({ type: "warning", code: "recovered", message });
    } else if (how === "untold") {
      const message = `whether a program of an earlier run is still at work cannot be told from here: ${which}`;
      report({ type: "warning", code: "program-left", message });
    }
  }
}
