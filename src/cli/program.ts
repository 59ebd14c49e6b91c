import { Command, CommanderError } from "commander";
import { CATALOG } from "./catalog.ts";
import { declareCalled } from "./declare.ts";
import { addProjectFlags } from "./flags.ts";
import type { Session } from "./session.ts";
import { usageError } from "./usage.ts";

/** Runs one command line, without the program's own name; resolves with the exit code. */
export async function runProgram(argv: readonly string[], session: Session): Promise<number> {
  const root = createRoot(session);
  const { words, command } = await declareCalled(root, { commands: CATALOG }, argv, {
    session,
    catalog: CATALOG,
  });
  try {
    await root.parseAsync([...words], { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return 0;
    if (error.code === "commander.help") return 1;
    throw usageError(error, command);
  }
  return session.exitCode;
}

function createRoot(session: Session): Command {
  const root = new Command("dso")
    .description("Keeps Docker Compose projects equal to their files and their secret stores.")
    .enablePositionalOptions()
    .helpCommand(false)
    .showSuggestionAfterError(false)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => session.output.write(text),
      writeErr: (text) => session.error.write(text),
      outputError: () => undefined,
      getOutHelpWidth: () => session.output.columns ?? 80,
      getOutHasColors: () => false,
    });
  return addProjectFlags(root);
}
