/** What programs of provider services give in one run: values in memory, and their fingerprints on disk. */
import { createHmac } from "node:crypto";
import type { Desired, ProgramService } from "../model/desired.ts";
import { givenReference, isGiven, withPrograms } from "../model/programs.ts";
import { type Reference, valueName } from "../model/reference.ts";
import type { Secret } from "../model/secret.ts";
import type { Version } from "../model/version.ts";

/** Variable, as its dependents get it, to value. */
export type Given = ReadonlyMap<string, Secret>;

export interface Answers {
  /** Of this run, dropped with it. */
  readonly all: readonly Secret[];
  /** Some program was asked in this run. */
  readonly isAsked: boolean;
  has(reference: Reference): boolean;
  value(reference: Reference): Secret | undefined;
  /** The same, with what was given in this run; throws `secret-conflict` as `withPrograms` does. */
  into(desired: Desired): Desired;
  /** It is about to be asked: what it makes from now on is there to be taken down, however that ends. */
  begin(program: ProgramService): Promise<void>;
  /**
   * Takes ownership of the values. Their fingerprints are on disk before this resolves, and `into` knows them.
   * Rejects with `secret-conflict` where `desired` cannot have them.
   */
  take(desired: Desired, program: ProgramService, given: Given): Promise<void>;
  /** It is down: nothing of it is known any more. */
  forget(program: string): Promise<void>;
  drop(): void;
}

/** Where fingerprints are kept between runs. */
export interface AnswerNotes {
  /** Of this host's fingerprints. */
  key(): Promise<Buffer>;
  /** Without an answer: that it was asked. */
  write(program: ProgramService, answer?: ReadonlyMap<string, Version>): Promise<void>;
  forget(program: string): Promise<void>;
}

export function createAnswers(notes: AnswerNotes): Answers {
  const values = new Map<string, Secret>();
  const programs = new Map<string, ProgramService>();
  const into = (desired: Desired, asked = programs): Desired =>
    withPrograms(desired, new Map([...(desired.programs ?? []), ...asked]));
  return {
    get all() {
      return [...values.values()];
    },
    get isAsked() {
      return programs.size > 0;
    },
    has: (reference) => isGiven(reference) && values.has(valueName(reference)),
    value: (reference) => values.get(valueName(reference)),
    into: (desired) => into(desired),
    begin: (program) => (program.isUp ? Promise.resolve() : notes.write(program)),
    async take(desired, program, given) {
      const { name } = program;
      for (const [variable, value] of given) {
        values.set(valueName(givenReference(name, variable)), value);
      }
      const key = await notes.key();
      const answer = new Map(
        [...given].map(([variable, value]) => [variable, fingerprint(key, name, variable, value)]),
      );
      const answered = { ...program, answer, doubt: undefined, isUp: true, atHand: true };
      // What cannot be given is not known as given.
      into(desired, new Map([...programs, [name, answered]]));
      programs.set(name, answered);
      await notes.write(program, answer);
    },
    async forget(program) {
      programs.delete(program);
      await notes.forget(program);
    },
    drop() {
      for (const value of values.values()) value.drop();
      values.clear();
    },
  };
}

/** Without the key nobody can try guesses on it, and two equal values do not show that they are. */
function fingerprint(key: Buffer, program: string, variable: string, value: Secret): Version {
  const hash = createHmac("sha256", key).update(JSON.stringify([program, variable]));
  return hash.update("\0").update(value.reveal()).digest("hex").slice(0, 16);
}
