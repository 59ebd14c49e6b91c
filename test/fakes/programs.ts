/** Programs of provider services, in memory. */
import { type Answers, createAnswers } from "../../src/apply/answers.ts";
import type { DsoError } from "../../src/model/errors.ts";
import type { ProcessIdentity } from "../../src/lib/process.ts";
import type {
  LeftProgram,
  ProgramCall,
  ProviderPrograms,
} from "../../src/model/providerPrograms.ts";
import { Secret } from "../../src/model/secret.ts";

export interface FakePrograms extends ProviderPrograms {
  /** By service: what its program gives, or why it fails; a test changes it. */
  readonly gives: Record<string, Readonly<Record<string, string>> | DsoError>;
  /** Why one cannot be asked, by service. */
  readonly missing: Record<string, DsoError>;
  /** All calls that were made, in order. */
  readonly calls: ProgramCall[];
  /** What becomes of those that a killed run has left; a test changes it. */
  left: LeftProgram;
  /** Those that were to be ended. */
  readonly ended: ProcessIdentity[];
  /** Asked once its process is noted: what rejects is a run that is killed there. */
  atWork: () => Promise<void>;
}

const HERE = { bootId: "boot", pidNamespace: "pid:[1]", startTime: "1" };

export function fakePrograms(): FakePrograms {
  const gives: FakePrograms["gives"] = {};
  const missing: FakePrograms["missing"] = {};
  const calls: ProgramCall[] = [];
  const programs: FakePrograms = {
    ...{ gives, missing, calls, left: "ended", ended: [] },
    atWork: () => Promise.resolve(),
    endLeft: (process) => {
      programs.ended.push(process);
      return Promise.resolve(programs.left);
    },
    check: async ({ service }) => {
      const fault = missing[service];
      if (fault !== undefined) throw fault;
      return Promise.resolve();
    },
    run: async (call, { progress, note }) => {
      calls.push(call);
      await note({ pid: 100 + calls.length, ...HERE });
      await programs.atWork();
      await note(undefined);
      progress(`${call.verb} ${call.service}`);
      const answer = gives[call.service] ?? {};
      if (answer instanceof Error) throw answer;
      const entries = call.verb === "down" ? [] : Object.entries(answer);
      const values = entries.map(([name, text]) => [name, new Secret(Buffer.from(text))] as const);
      return new Map(values);
    },
  };
  return programs;
}

/** Kept nowhere. */
export function fakeAnswers(): Answers {
  return createAnswers({
    key: () => Promise.resolve(Buffer.alloc(32, 7)),
    write: () => Promise.resolve(),
    forget: () => Promise.resolve(),
  });
}
