/** A program that is run to its end, without input. */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import type { Readable, Writable } from "node:stream";
import { hasCode } from "../../model/errors.ts";
import { identify, type ProcessIdentity } from "../../lib/process.ts";
import { within } from "../../lib/together.ts";
import { stalling } from "../lines.ts";

export interface Command {
  /** Absolute. */
  readonly program: string;
  readonly argv: readonly string[];
  readonly directory: string;
  readonly environment: Readonly<Record<string, string>>;
}

export interface Hearing {
  /** One line of its output without its newline; what it throws ends the program. */
  readonly line: (text: string) => void;
  /** So long it may be silent, ms. */
  readonly silenceMs: number;
  /** Its process, which does nothing before this has resolved. */
  readonly begun?: (process: ProcessIdentity) => Promise<void>;
}

export interface Ended {
  /** `exit code 3`, `signal SIGKILL`; undefined: well. */
  readonly fault: string | undefined;
  /** The last that it wrote to its error output. */
  readonly lastWords: string;
}

/** What a line, all lines together, and the last words may have, in characters. */
const LONGEST_LINE = 1024 * 1024;
const MOST_OUTPUT = 4 * 1024 * 1024;
const LAST_WORDS = 2000;
/** From SIGTERM to SIGKILL. */
export const GRACE_MS = 2000;
/** What it left running may hold its output open. */
const DRAIN_MS = 500;
/**
 * Becomes the program, in the same process, once it is told to. Where whoever tells is killed it reads the
 * end of its input, and ends. The program and its words are arguments: no text of theirs is read as a script.
 */
const GATE = ["/bin/sh", "-c", 'read -r go && exec "$@" </dev/null', "sh"] as const;

/**
 * Rejects with what `hearing.line` throws, with the reason of `signal`, or with the system's error where it
 * cannot be started. In each of these cases its process group is ended. What ends well may leave something
 * at work behind it: that is the program's business.
 */
export async function runProgram(
  command: Command,
  hearing: Hearing,
  signal: AbortSignal,
): Promise<Ended> {
  signal.throwIfAborted();
  const silence = stalling(hearing.silenceMs);
  const { begun } = hearing;
  const child = begun === undefined ? start(command, "ignore") : start(gated(command), "pipe");
  const exited = Promise.withResolvers<readonly [number | null, string | null]>();
  child.once("exit", (...how) => exited.resolve(how));
  const heard = hear(child, hearing, silence.alive);
  const stop = AbortSignal.any([signal, silence.signal, heard.fault]);
  try {
    await once(child, "spawn");
    if (begun !== undefined) await begun(identify(child.pid ?? 0));
    // It may have ended already; how, is told below.
    child.stdin?.on("error", () => undefined).end("go\n");
    const [code, killedBy] = await Promise.race([exited.promise, whenAborted(stop)]);
    await heard.end();
    const how = code === null ? `signal ${String(killedBy)}` : `exit code ${code}`;
    return { fault: code === 0 ? undefined : how, lastWords: heard.lastWords() };
  } catch (error) {
    await endGroup(child.pid, exited.promise);
    signal.throwIfAborted();
    heard.fault.throwIfAborted();
    if (silence.signal.aborted) return { fault: "silence", lastWords: heard.lastWords() };
    throw error;
  } finally {
    silence.stop();
  }
}

function gated({ program, argv, ...where }: Command): Command {
  const [shell, ...words] = GATE;
  return { ...where, program: shell, argv: [...words, program, ...argv] };
}

type Child = ChildProcessByStdio<Writable | null, Readable, Readable>;

function start(
  { program, argv, directory, environment }: Command,
  input: "ignore" | "pipe",
): Child {
  const settings = {
    ...{ cwd: directory, env: environment },
    // A group of its own: it ends as a whole, and Ctrl-C of the terminal reaches only us.
    detached: true,
  };
  return input === "ignore"
    ? spawn(program, argv, { ...settings, stdio: ["ignore", "pipe", "pipe"] })
    : spawn(program, argv, { ...settings, stdio: ["pipe", "pipe", "pipe"] });
}

interface Heard {
  /** Aborts with what the line reader has thrown. */
  readonly fault: AbortSignal;
  readonly lastWords: () => string;
  /** Once it is gone: the rest of what it wrote. Rejects with the fault. */
  readonly end: () => Promise<void>;
}

function hear(child: Child, { line }: Hearing, alive: () => void): Heard {
  const fault = new AbortController();
  const closed = once(child, "close");
  closed.catch(() => undefined);
  const lines = splitter(line);
  let words = "";
  const guarded = (work: () => void): void => {
    if (fault.signal.aborted) return;
    try {
      work();
    } catch (error) {
      fault.abort(error);
    }
  };
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    alive();
    guarded(() => lines.take(text));
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    alive();
    words = (words + text).slice(-LAST_WORDS);
  });
  return {
    fault: fault.signal,
    lastWords: () => words,
    end: async () => {
      if (!(await within(closed, DRAIN_MS))) {
        for (const stream of [child.stdout, child.stderr]) stream.destroy();
      }
      guarded(lines.end);
      fault.signal.throwIfAborted();
    },
  };
}

function splitter(line: (text: string) => void): {
  readonly take: (text: string) => void;
  readonly end: () => void;
} {
  let rest = "";
  let total = 0;
  const give = (text: string): void => {
    if (text.trim() !== "") line(text);
  };
  return {
    take: (text) => {
      total += text.length;
      const parts = (rest + text).split("\n");
      rest = parts.pop() ?? "";
      if (total > MOST_OUTPUT || [rest, ...parts].some(({ length }) => length > LONGEST_LINE)) {
        throw new RangeError("it writes more than an answer can be");
      }
      for (const part of parts) give(part);
    },
    end: () => give(rest),
  };
}

function whenAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const abort = (): void => reject(signal.reason as Error);
    if (signal.aborted) abort();
    else signal.addEventListener("abort", abort, { once: true });
  });
}

async function endGroup(pid: number | undefined, exited: Promise<unknown>): Promise<void> {
  if (pid === undefined) return;
  signalGroup(pid, "SIGTERM");
  await within(exited, GRACE_MS);
  signalGroup(pid, "SIGKILL");
  await exited;
}

/** Nobody is there to hear it, or nobody who has to heed this user: then it is not heard. */
export function signalGroup(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(-pid, name);
  } catch (error) {
    if (!hasCode(error, "ESRCH", "EPERM")) throw error;
  }
}
