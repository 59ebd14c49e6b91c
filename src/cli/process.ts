/** The process around a command line: signals, streams, what is left when all went wrong. */
import { realpathSync } from "node:fs";
import path from "node:path";
import { DsoError, hasCode } from "../model/errors.ts";
import { fromDocker, type Invocation } from "./plugin.ts";
import { renderError } from "./render/errors.ts";
import { styleOf } from "./render/style.ts";
import type { Session } from "./session.ts";
import { passphraseSource } from "./vault.ts";

/** What was installed. */
export interface Release {
  readonly version: string;
  /** The directory of `shim-amd64` and `shim-arm64`. */
  readonly shims: string;
}

/** Runs the command line of this process and sets its exit code. */
export async function runProcess(release: Release): Promise<void> {
  // Whatever is written without a mode of its own is for the user alone.
  process.umask(0o077);
  const unread = watchReaders();
  process.on("uncaughtException", (error) => void fail(error, true));
  process.on("unhandledRejection", (error) => void fail(error, true));
  const interrupts = listenForSignals();
  try {
    const given = { argv: process.argv.slice(2), environment: { ...process.env } };
    const invocation = fromDocker(given);
    const session = createSession(invocation, interrupts, unread, release);
    const { runProgram } = await import("./program.ts");
    process.exitCode = await runProgram(invocation.argv, session);
  } catch (error) {
    await fail(stopped(error, interrupts.signal) ? interrupts.signal.reason : error, false);
  } finally {
    interrupts.stop();
    await allWritten();
  }
}

/** By the name that the shell has for it: behind a link Compose names a project after the link. */
function workingDirectory(named: string | undefined): string {
  const actual = process.cwd();
  if (named === undefined || !path.isAbsolute(named)) return actual;
  try {
    return realpathSync.native(named) === realpathSync.native(actual) ? named : actual;
  } catch (error) {
    if (hasCode(error, "ENOENT", "ENOTDIR", "EACCES", "ELOOP")) return actual;
    throw error;
  }
}

function createSession(
  { environment }: Invocation,
  { signal, force, watching }: Interrupts,
  unread: AbortSignal,
  { version, shims }: Release,
): Session {
  const cwd = workingDirectory(environment.PWD);
  const session: Session = {
    // Opened when it is looked at: most commands read nothing.
    get input() {
      return process.stdin;
    },
    output: process.stdout,
    error: process.stderr,
    environment,
    cwd,
    version,
    signal,
    force,
    unread,
    watching,
    connect: async ({ configFile, stays = false, before }) => {
      const { wire } = await import("../wire.ts");
      const passphrase = passphraseSource(session);
      return wire({
        ...{ cwd, environment, configFile, version, shims, signal, stays, before },
        ...(passphrase === undefined ? {} : { passphrase }),
      });
    },
    exitCode: 0,
  };
  return session;
}

interface Interrupts {
  readonly signal: AbortSignal;
  readonly force: AbortSignal;
  readonly watching: () => void;
  stop(): void;
}

/** Once: finish the step and roll back. Twice: stop now, recover later. Three times: gone. */
function listenForSignals(): Interrupts {
  const [gentle, force] = [new AbortController(), new AbortController()];
  const interrupted = new DsoError("aborted", "Interrupted.", {
    hint: "What was begun was undone or is recorded; the next run finds out and goes on.",
  });
  let atWork = true;
  const onSignal = (): void => {
    if (force.signal.aborted) process.exit(1);
    if (gentle.signal.aborted) {
      process.stderr.write("\nStopping now. The next run of dso recovers what is left.\n");
      force.abort(interrupted);
      return;
    }
    const word = atWork ? "Interrupted: finishing the step. Once more stops at once.\n" : "";
    process.stderr.write(`\n${word}`);
    gentle.abort(interrupted);
  };
  process.on("SIGINT", onSignal);
  process.on("SIGTERM", onSignal);
  process.on("SIGHUP", onSignal);
  return {
    signal: gentle.signal,
    force: force.signal,
    watching: () => (atWork = false),
    stop: () => {
      for (const name of ["SIGINT", "SIGTERM", "SIGHUP"]) process.off(name, onSignal);
    },
  };
}

/**
 * Aborted when the reader of the output has gone, as in `dso … | head`. That alone ends nothing: an
 * apply that died of it would leave containers half replaced. What is written from then on is lost.
 */
function watchReaders(): AbortSignal {
  const unread = new AbortController();
  process.stderr.on("error", () => undefined);
  process.stdout.on("error", (error) => {
    if (unread.signal.aborted) return;
    unread.abort(error);
    if (hasCode(error, "EPIPE", "EIO")) return;
    // A full disk: whoever keeps the output has to know that it is not whole.
    process.once("exit", () => (process.exitCode ||= 1));
    void fail(error, false);
  });
  return unread.signal;
}

/** What was written has left the process, or has failed and told `watchReaders` so. */
async function allWritten(): Promise<void> {
  const written = (stream: NodeJS.WriteStream): Promise<void> =>
    new Promise((resolve) => stream.write("", () => setImmediate(resolve)));
  await Promise.all([process.stdout, process.stderr].map(written));
}

/** Node's own calls reject with an error of theirs, not with the signal's reason. */
function stopped(error: unknown, signal: AbortSignal): boolean {
  return signal.aborted && error instanceof Error && error.name === "AbortError";
}

async function fail(error: unknown, fatal: boolean): Promise<void> {
  const style = styleOf(process.stderr, process.env, !process.argv.includes("-no-color"));
  const debug = process.env["DSO_LOG"] === "debug";
  process.stderr.write(await renderError(error, { style, debug }));
  process.exitCode = 1;
  if (fatal) process.exit(1);
}
