/** The process of a plugin, with those that it starts: they end together. */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import type { Readable, Writable } from "node:stream";
import { hasCode } from "../../model/errors.ts";
import { within } from "../../lib/together.ts";

export interface Command {
  /** Absolute. */
  readonly program: string;
  readonly directory: string;
  readonly environment: Readonly<Record<string, string>>;
}

export interface Child {
  readonly input: Writable;
  readonly output: Readable;
  readonly error: Readable;
  /** Resolves with how it ended, when all that it said has been heard. */
  readonly ended: Promise<string>;
  /** At once, without asking. */
  kill(): void;
  /** Once it had time to end by itself. Resolves when it is gone. */
  stop(): Promise<void>;
}

/** After its input is closed, and again after SIGTERM. */
const GRACE_MS = 2000;
/** Somebody else may have its output open after it is gone. */
const LAST_WORDS_MS = 500;

/** Answers why, where it cannot be started; rejects with the system's own error where no person's mistake is behind it. */
export async function startChild({
  program,
  directory,
  environment,
}: Command): Promise<Child | StartFault> {
  const child = spawn(program, [], {
    cwd: directory,
    env: environment,
    stdio: ["pipe", "pipe", "pipe"],
    // A group of its own: a signal reaches all of it, and Ctrl-C of the terminal only us.
    detached: true,
  });
  const ended = endOf(child);
  try {
    await once(child, "spawn");
  } catch (error) {
    if (hasCode(error, "ENOENT", "EACCES")) return startFault(error, directory);
    throw error;
  }
  // Not before it runs: where no more files may be open it has no input at all.
  // What it did not take is told by its end.
  child.stdin.on("error", () => undefined);
  return {
    input: child.stdin,
    output: child.stdout,
    error: child.stderr,
    ended,
    kill: () => {
      // Its number may be another's later.
      if (child.exitCode === null && child.signalCode === null) signalGroup(child, "SIGKILL");
    },
    stop: async () => {
      child.stdin.end();
      for (const signal of ["SIGTERM", "SIGKILL"] as const) {
        if (await within(ended, GRACE_MS)) return;
        signalGroup(child, signal);
      }
      await ended;
    },
  };
}

type Process = ChildProcessByStdio<Writable, Readable, Readable>;

async function endOf(child: Process): Promise<string> {
  const closed = once(child, "close");
  closed.catch(() => undefined);
  const [code, signal] = await new Promise<readonly [number | null, string | null]>((resolve) => {
    child.once("exit", (...how) => resolve(how));
  });
  // Those that it has left behind in its group.
  signalGroup(child, "SIGKILL");
  if (!(await within(closed, LAST_WORDS_MS))) {
    for (const stream of [child.stdout, child.stderr]) stream.destroy();
  }
  return code === null ? `was ended by ${signal}` : `ended with exit code ${code}`;
}

function signalGroup({ pid }: Process, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch (error) {
    if (!hasCode(error, "ESRCH", "EPERM")) throw error;
  }
}

/** In place of the system's error, which names the copy. */
export interface StartFault {
  readonly what: string;
  readonly hint: string;
}

function startFault(error: unknown, directory: string): StartFault {
  if (hasCode(error, "EACCES")) {
    return {
      what: `its copy in ${directory}, or the interpreter of its first line, may not be executed`,
      hint: "That file system may be mounted noexec: set DSO_HOME to a directory where programs run.",
    };
  }
  return {
    what: "the interpreter of its first line (#!) is not there",
    hint: "Its first line must name one that is on this machine: #!/usr/bin/env python3.",
  };
}
