import { join } from "node:path";
import { acquireLock } from "../lib/lock.ts";
import type { LockOwner } from "../lib/lockRecord.ts";
import type { Report } from "../model/events.ts";
import type { Context } from "./context.ts";

/** The agent's operation. */
export const AGENT = "agent";
/** It looks when it likes, so that whoever comes in between is not to be turned away. */
const AGENT_MS = 600_000;

/** The lock of one project: whoever plans or applies it holds this. */
function projectLock(context: Pick<Context, "paths">, project: string): string {
  return join(context.paths.locksDir, `project-${project}.lock`);
}

export interface ProjectLockOptions {
  /** `apply`, for whoever finds it taken. */
  readonly operation: string;
  /** How long to wait for a person's command; 0: not at all. The agent's passes are always waited for. */
  readonly timeoutMs: number;
  readonly report: Report;
}

/**
 * Holds the project's lock for the time of `work`, whose signal also aborts when the lock is lost.
 * `waited`: somebody else held it, and may have changed what was read before.
 */
export async function withProjectLock<T>(
  context: Pick<Context, "paths">,
  project: string,
  { operation, timeoutMs, report }: ProjectLockOptions,
  work: (signal: AbortSignal, waited: boolean) => Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  const onTakeover = ({ pid, who, operation: left }: LockOwner): void => {
    const message = `process ${pid} of ${who} ended without giving its lock back (${left}); it was taken over`;
    report({ type: "warning", code: "lock-taken-over", message });
  };
  const onWait = ({ pid, operation: doing }: LockOwner): void => {
    const message = `waiting for process ${pid} (${doing}); Ctrl-C gives up`;
    report({ type: "warning", code: "waiting", message });
  };
  const lock = await acquireLock(
    projectLock(context, project),
    {
      operation: `${operation} of project ${project}`,
      timeoutMs: ({ operation: doing }) =>
        doing === `${AGENT} of project ${project}` ? Math.max(timeoutMs, AGENT_MS) : timeoutMs,
      ...{ onTakeover, onWait },
    },
    signal,
  );
  try {
    return await work(AbortSignal.any([signal, lock.signal]), lock.waited);
  } finally {
    await lock.release();
  }
}
