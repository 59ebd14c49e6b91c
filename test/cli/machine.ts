/** A machine of its own that has no engine at all, for each test. */
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach } from "vitest";
import { runProgram } from "../../src/cli/program.ts";
import { wire } from "../../src/wire.ts";
import { createFakeSession, type FakeSession } from "../fakes/session.ts";

export interface Ran {
  readonly code: number;
  readonly output: string;
}

export interface Machine {
  /** Absolute; `work` below it is where everything runs. */
  readonly home: () => string;
  readonly session: (terminal?: boolean) => FakeSession;
  readonly dso: (...argv: readonly string[]) => Promise<Ran>;
  readonly piped: (input: string, ...argv: readonly string[]) => Promise<Ran>;
}

export function useMachine(): Machine {
  let home = "";
  beforeEach(async () => {
    home = await mkdtemp(join(tmpdir(), "dso-cli-"));
    await mkdir(join(home, "work"));
  });
  afterEach(async () => {
    await rm(home, { recursive: true });
  });
  const session = (terminal = false): FakeSession => createSession(home, terminal);
  const piped = async (input: string, ...argv: readonly string[]): Promise<Ran> => {
    const one = session();
    one.keyboard.type(input);
    one.keyboard.end();
    return { code: await runProgram(argv, one), output: one.written.output() };
  };
  return { home: () => home, session, piped, dso: (...argv) => piped("", ...argv) };
}

function createSession(home: string, terminal: boolean): FakeSession {
  const environment = { HOME: home, DOCKER_HOST: `unix://${home}/none.sock` };
  const cwd = join(home, "work");
  const session: FakeSession = createFakeSession({
    terminal,
    environment,
    cwd,
    connect: ({ configFile }) =>
      wire({
        cwd,
        environment,
        configFile,
        version: "4.0.0-test",
        shims: home,
        stays: false,
        signal: session.signal,
      }),
  });
  return session;
}
