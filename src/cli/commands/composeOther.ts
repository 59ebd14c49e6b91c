import type { Command } from "commander";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { constants } from "node:os";
import { findComposeProgram } from "../../docker/composeProgram.ts";
import { DsoError } from "../../model/errors.ts";
import type { Context } from "../../reconciler/context.ts";
import { composeWords } from "../composeFlags.ts";
import { projectFlags } from "../flags.ts";
import { withContext } from "../request.ts";
import type { Session } from "../session.ts";

/** A verb that needs neither secrets nor a plan: Docker Compose does it, on the same files. */
export function define(command: Command, session: Session): void {
  command
    .helpOption(false)
    .allowUnknownOption()
    .argument("[arguments...]")
    .action((words: readonly string[]) =>
      withContext(session, command, async (context) => {
        const verb = command.name();
        const program = await findComposeProgram(context.environment, context.home, session.signal);
        if (program === undefined) throw absent(verb);
        session.exitCode = await run(context, program.path, [...files(command), verb, ...words]);
      }),
    );
}

function absent(verb: string): DsoError {
  return new DsoError(
    "usage",
    `dso compose ${verb} needs Docker Compose 2 or later, and there is none here.`,
    {
      hint: "Install the docker-compose-plugin. Ours are: up, down, run, exec, logs, config.",
    },
  );
}

/** The flags that say which project is meant, in Compose's spelling. */
function files(command: Command): readonly string[] {
  const flags = projectFlags(command);
  const one = (name: string, value: string | undefined): readonly string[] =>
    value === undefined ? [] : [name, value];
  return [
    ...composeWords(command.parent?.opts() ?? {}),
    ...(flags.file ?? []).flatMap((file) => ["-f", file]),
    ...one("-p", flags.projectName),
    ...one("--project-directory", flags.projectDirectory),
    ...(flags.profile ?? []).flatMap((profile) => ["--profile", profile]),
    ...(flags.envFile ?? []).flatMap((file) => ["--env-file", file]),
  ];
}

/**
 * Signals reach it by themselves: it is of our process group, and ends as it sees fit. Its exit
 * code; where a signal ended it, what a shell would say.
 */
async function run(
  { environment }: Context,
  program: string,
  argv: readonly string[],
): Promise<number> {
  const child = spawn(program, argv, { stdio: "inherit", env: environment });
  const [code, signal] = (await once(child, "exit")) as [number | null, NodeJS.Signals | null];
  return code ?? (signal === null ? 1 : 128 + constants.signals[signal]);
}
