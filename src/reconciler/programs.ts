/** Provider services: what the files say of them, and what is remembered of their answers. */
import { createHmac } from "node:crypto";
import { type Answers, createAnswers } from "../apply/answers.ts";
import { sharedWith } from "../model/dependencies.ts";
import type { Desired, ProgramService } from "../model/desired.ts";
import { combine, DsoError } from "../model/errors.ts";
import { isProgram, withoutClashes, withPrograms } from "../model/programs.ts";
import type { ComposeProject } from "../model/project.ts";
import type { Context } from "./context.ts";
import { fingerprintKey } from "./fingerprintKey.ts";
import type { StoredAnswer } from "./state.ts";

type Tools = Pick<Context, "state" | "paths" | "random" | "clock">;

/** The same with its provider services, and what they are known to give. No program is run. */
export async function withKnownAnswers(context: Tools, desired: Desired): Promise<Desired> {
  const { project } = desired;
  const described = [...project.services].filter(([, model]) => isProgram(model));
  if (described.length === 0) return desired;
  const faults = described.flatMap(([name]) => joinFaults(project, name));
  if (faults.length > 0) throw combine(faults);
  const stored = await context.state.answers(project.name);
  const key = await fingerprintKey(context.paths.stateDir, context.random);
  const programs = described.map(([name]): [string, ProgramService] => {
    const program = describe(project, name);
    const found = Object.hasOwn(stored, name) ? stored[name] : undefined;
    const known = knownOf(found, formOf(key, program));
    return [name, { ...program, ...known, isUp: found !== undefined, atHand: false }];
  });
  // Refused here, a clash could never be mended in a program: nobody would ask it again.
  return withPrograms(desired, withoutClashes(desired, new Map(programs)));
}

function knownOf(
  found: StoredAnswer | undefined,
  form: string,
): Pick<ProgramService, "answer" | "doubt"> {
  if (found === undefined) return { answer: undefined, doubt: undefined };
  if (found.form !== form) {
    const detail = "its type or options are others than when asked";
    return { answer: undefined, doubt: { code: "config_changed", detail } };
  }
  if (found.versions === undefined) {
    const detail = "it did not answer when it was asked";
    return { answer: undefined, doubt: { code: "answer_unknown", detail } };
  }
  return { answer: new Map(Object.entries(found.versions)), doubt: undefined };
}

type Described = Omit<ProgramService, "answer" | "doubt" | "isUp" | "atHand">;

function describe(project: ComposeProject, name: string): Described {
  const model = project.services.get(name) ?? {};
  const { type, options = {} } = model["provider"] as {
    readonly type: string;
    readonly options?: Readonly<Record<string, string | readonly string[]>>;
  };
  const position = project.positions.at(["services", name, "provider", "type"]);
  const reserved = type === "compose";
  if (reserved || !/^[A-Za-z0-9][\w.-]*$/.test(type)) {
    const why = reserved ? "is Compose's own" : "is no name of a program";
    throw new DsoError("compose-invalid", `services.${name}: the provider type "${type}" ${why}`, {
      hint: "It names the plugin docker-<type> of Docker, or a program of the PATH.",
      ...(position && { position }),
    });
  }
  const lists = Object.entries(options).map(([option, value]): [string, readonly string[]] => [
    option,
    typeof value === "string" ? [value] : value,
  ]);
  return { name, type, options: Object.fromEntries(lists), model, position };
}

/** There is no container of it whose namespace or volumes another could have. */
function joinFaults(project: ComposeProject, program: string): readonly DsoError[] {
  return [...project.services].flatMap(([name, model]) => {
    if (!sharedWith(model).includes(program)) return [];
    const position = project.positions.at(["services", name]);
    return new DsoError(
      "compose-invalid",
      `services.${name}: "${program}" is a provider service, and has no container to share`,
      { hint: "Name a service that has one.", ...(position && { position }) },
    );
  });
}

/** Tells another type or other options; options may hold private text, so it is keyed. */
function formOf(key: Buffer, { type, options }: Pick<ProgramService, "type" | "options">): string {
  const sorted = Object.entries(options).sort(([a], [b]) => (a < b ? -1 : 1));
  const text = JSON.stringify(["provider", type, sorted]);
  return createHmac("sha256", key).update(text).digest("hex").slice(0, 32);
}

/** For one run: what its programs give, with the fingerprints noted as soon as they are known. */
export function openAnswers(context: Tools, project: string): Answers {
  const { state, paths, random, clock } = context;
  const key = (): Promise<Buffer> => fingerprintKey(paths.stateDir, random);
  return createAnswers({
    key,
    write: async (program, answer) => {
      const noted: StoredAnswer = {
        form: formOf(await key(), program),
        type: program.type,
        ...(answer && { versions: Object.fromEntries([...answer].sort()) }),
        at: new Date(clock.now()).toISOString(),
      };
      await state.setAnswer(project, program.name, noted);
    },
    forget: (program) => state.setAnswer(project, program, undefined),
  });
}
