/** Provider services by Compose's protocol: `<program> compose --project-name=P up [--option=value …] SERVICE`. */
import { DsoError } from "../../model/errors.ts";
import type {
  ProgramCall,
  ProgramWitness,
  ProviderPrograms,
} from "../../model/providerPrograms.ts";
import type { Secret } from "../../model/secret.ts";
import { printable } from "../errors.ts";
import { readAnswer } from "./answer.ts";
import { type Command, type Ended, type Hearing, runProgram } from "./child.ts";
import { findProgram } from "./find.ts";
import { endLeft } from "./left.ts";
import { optionArguments, readMetadata } from "./metadata.ts";

export interface ProgramsOptions {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly home: string;
  /** So long a program may be silent, ms. */
  readonly silenceMs?: number;
  /** One text without these values, and without control characters. */
  readonly scrub: (text: string, values: Iterable<Secret>) => string;
}

/** To make something may take long; to say nothing all the while means that it hangs. */
const SILENCE_MS = 5 * 60_000;
const METADATA_MS = 10_000;
/** Of Docker's own command line, about the plugin that it runs; and what opens the vault of DSO. */
const WITHHELD = /^(DOCKER_CLI_PLUGIN_ORIGINAL_CLI_COMMAND$|DSO_VAULT_)/;

export function createPrograms(options: ProgramsOptions): ProviderPrograms {
  return {
    async check(call, signal) {
      await commandFor(call, options, signal);
    },
    endLeft,
    async run(call, { progress, note }, signal) {
      const command = await commandFor(call, options, signal);
      const isDebug = options.environment["DSO_LOG"] === "debug";
      const tell = (kind: "info" | "debug", text: string): void => {
        const [first = ""] = text.split("\n");
        if (kind === "info" || isDebug) progress(clean(first));
      };
      const answer = readAnswer(call.service, { tell });
      const clean = (text: string): string => printable(options.scrub(text, answer.given.values()));
      const silenceMs = options.silenceMs ?? SILENCE_MS;
      const drop = (): void => {
        for (const value of answer.given.values()) value.drop();
        answer.given.clear();
      };
      try {
        const ended = await runNoted(command, { line: answer.line, silenceMs }, note, signal);
        const fault = faultOf(call, answer.fault(), ended, silenceMs, clean);
        if (fault !== undefined) throw fault;
        answer.end();
        if (call.verb === "down") drop();
        return answer.given;
      } catch (error) {
        const told = startFault(call, error);
        drop();
        throw told;
      }
    },
  };
}

/** Whoever is killed before the end leaves the note of it. */
async function runNoted(
  command: Command,
  hearing: Hearing,
  note: ProgramWitness["note"],
  signal: AbortSignal,
): Promise<Ended> {
  try {
    return await runProgram(command, { ...hearing, begun: note }, signal);
  } finally {
    await note(undefined);
  }
}

async function commandFor(
  call: ProgramCall,
  { environment: own, home }: ProgramsOptions,
  signal: AbortSignal,
): Promise<Command> {
  const { project, service, type, verb, workingDir: directory } = call;
  const environment = environmentOf(own, call);
  const program = await findProgram(service, type, environment, home, signal);
  const said: string[] = [];
  const metadata = { program, argv: ["compose", "metadata"], directory, environment };
  const hearing = { line: (text: string) => void said.push(text), silenceMs: METADATA_MS };
  const described = await runProgram(metadata, hearing, signal).catch((error: unknown) => {
    throw startFault(call, error);
  });
  // Not every program has a description.
  const declared = described.fault === undefined ? readMetadata(said.join("\n")) : undefined;
  const words = optionArguments(call, declared);
  const argv = ["compose", `--project-name=${project}`, verb, ...words, service];
  return { program, argv, directory, environment };
}

function environmentOf(
  own: ProgramsOptions["environment"],
  { project, environment = {} }: ProgramCall,
): Readonly<Record<string, string>> {
  const all: ProgramsOptions["environment"] = {
    ...own,
    ...environment,
    COMPOSE_PROJECT_NAME: project,
  };
  return Object.fromEntries(
    Object.entries(all).flatMap(([name, value]) =>
      value === undefined || WITHHELD.test(name) ? [] : [[name, value] as const],
    ),
  );
}

function faultOf(
  { service, type, verb }: ProgramCall,
  said: string | undefined,
  { fault, lastWords }: Ended,
  silenceMs: number,
  clean: (text: string) => string,
): DsoError | undefined {
  if (said === undefined && fault === undefined) return undefined;
  const why =
    said !== undefined
      ? `says: ${clean(said)}`
      : fault === "silence"
        ? `said nothing for ${Math.round(silenceMs / 1000)} s, and was ended`
        : `ended with ${String(fault)}`;
  const words = clean(lastWords);
  const message = `service "${service}": provider "${type}" (${verb}) ${why}`;
  return new DsoError(
    "program-failed",
    message,
    words === "" ? {} : { hint: `Its last words: ${words}` },
  );
}

function startFault({ service, type }: ProgramCall, error: unknown): unknown {
  if (error instanceof RangeError) {
    return new DsoError(
      "program-failed",
      `service "${service}": provider "${type}": ${error.message}`,
    );
  }
  const { syscall, code } = (error ?? {}) as { readonly syscall?: string; readonly code?: string };
  if (syscall?.startsWith("spawn") !== true) return error;
  return new DsoError(
    "program-failed",
    `service "${service}": provider "${type}" cannot be started (${String(code)})`,
    { hint: "It may not be executable here, or the interpreter of its first line is not there." },
  );
}
