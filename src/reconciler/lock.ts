import { join } from "node:path";
import { acquireLock } from "../lib/lock.ts";
import type { Context } from "./context.ts";

/** The lock of one project: whoever plans or applies it holds this. */
function projectLock(context: Pick<Context, "paths">, project: string): string {
  return join(context.paths.locksDir, `project-${project}.lock`);
}

/** Holds the project's lock for the time of `work`, whose signal also aborts when the lock is lost. */
export async function withProjectLock<T>(
  context: Context,
  project: string,
  operation: string,
  timeoutMs: number,
  work: (signal: AbortSignal) => Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  const lock = await acquireLock(
    projectLock(context, project),
    { operation: `${operation} of project ${project}`, timeoutMs },
    signal,
  );
  try {
    return await work(AbortSignal.any([signal, lock.signal]));
  } finally {
    await lock.release();
  }
}
