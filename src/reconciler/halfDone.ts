/** What a killed run has left of a project that nobody looks after: none of it was applied to the end yet. */
import { isOpen } from "../apply/journal/journal.ts";
import { findNew, findOld } from "../apply/journal/rotation.ts";
import { DsoError } from "../model/errors.ts";
import type { Report } from "../model/events.ts";
import type { Context } from "./context.ts";
import { mend } from "./reconcile.ts";

/** Names of those that are not `tracked`, sorted. `onFault` hears of a journal that cannot be read. */
export async function halfDone(
  { journal }: Pick<Context, "journal">,
  tracked: ReadonlySet<string>,
  onFault: (error: DsoError) => void,
): Promise<readonly string[]> {
  const found: string[] = [];
  for (const name of await journal.projects()) {
    if (tracked.has(name)) continue;
    try {
      if ((await journal.list(name)).some(isOpen)) found.push(name);
    } catch (error) {
      if (!(error instanceof DsoError)) throw error;
      onFault(error);
    }
  }
  return found.sort();
}

/**
 * Finishes or undoes it, and rolls nothing out: nobody has said that the files are to be. False where
 * no container of it is on this engine: it was begun on another one, or is gone. Wants the project's lock.
 */
export async function mendHalfDone(
  context: Context,
  name: string,
  report: Report,
  signal: AbortSignal,
): Promise<boolean> {
  const { engine, journal } = context;
  for (const rotation of (await journal.list(name)).filter(isOpen)) {
    const container =
      (await findOld({ engine }, rotation, signal)) ??
      (await findNew({ engine }, rotation, signal));
    if (container !== undefined) return mend(context, name, report, signal);
  }
  return false;
}
