/** Programs of provider services, in memory. */
import { type Answers, createAnswers } from "../../src/apply/answers.ts";
import type { DsoError } from "../../src/model/errors.ts";
import type { ProgramCall, ProviderPrograms } from "../../src/model/providerPrograms.ts";
import { Secret } from "../../src/model/secret.ts";

export interface FakePrograms extends ProviderPrograms {
  /** By service: what its program gives, or why it fails; a test changes it. */
  readonly gives: Record<string, Readonly<Record<string, string>> | DsoError>;
  /** Why one cannot be asked, by service. */
  readonly missing: Record<string, DsoError>;
  /** All calls that were made, in order. */
  readonly calls: ProgramCall[];
}

export function fakePrograms(): FakePrograms {
  const gives: FakePrograms["gives"] = {};
  const missing: FakePrograms["missing"] = {};
  const calls: ProgramCall[] = [];
  return {
    gives,
    missing,
    calls,
    check: async ({ service }) => {
      const fault = missing[service];
      if (fault !== undefined) throw fault;
      return Promise.resolve();
    },
    run: async (call, progress) => {
      calls.push(call);
      progress(`${call.verb} ${call.service}`);
      const answer = gives[call.service] ?? {};
      if (answer instanceof Error) throw answer;
      const entries = call.verb === "down" ? [] : Object.entries(answer);
      const values = entries.map(([name, text]) => [name, new Secret(Buffer.from(text))] as const);
      return Promise.resolve(new Map(values));
    },
  };
}

/** Kept nowhere. */
export function fakeAnswers(): Answers {
  return createAnswers({
    key: () => Promise.resolve(Buffer.alloc(32, 7)),
    write: () => Promise.resolve(),
    forget: () => Promise.resolve(),
  });
}
