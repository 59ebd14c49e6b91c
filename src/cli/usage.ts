import type { Command, CommanderError } from "commander";
import { suggest } from "../model/suggest.ts";
import { DsoError } from "../model/errors.ts";

const OF_A_FLAG: ReadonlySet<string> = new Set([
  "commander.invalidArgument",
  "commander.optionMissingArgument",
]);

/** What the parser found wrong, in our words and with the nearest known flag. */
export function usageError(error: CommanderError, command: Command): DsoError {
  const name = fullName(command);
  // What is misunderstood there may be the value, which no message may hold.
  if (name === "dso secret set") return misreadValue(name, error);
  const help = `Run \`${name} --help\` for what it takes.`;
  const flag = /^error: unknown option '([^']*)'/.exec(error.message)?.[1];
  if (flag === undefined) {
    const text = error.message.replace(/^error: /, "");
    return new DsoError("usage", `${name}: ${text}`, { hint: help });
  }
  const near = suggest(flag.replace(/^-+/, "").replace(/=.*$/s, ""), longNames(command));
  const hint = near === undefined ? help : `Did you mean "-${near}"?`;
  return new DsoError("usage", `${name} has no flag "${flag}".`, { hint });
}

function misreadValue(name: string, { code, message }: CommanderError): DsoError {
  const flag = /^error: option '(--\w+) </.exec(message)?.[1];
  if (flag !== undefined && OF_A_FLAG.has(code)) {
    return new DsoError("usage", `${name}: ${flag} takes a version.`, {
      hint: "Write a number: the version that is the current one, or 0 where there is none yet.",
    });
  }
  return new DsoError("usage", `${name} takes a name and at most one value.`, {
    hint: `A value that begins with a dash stands after two: ${name} NAME -- VALUE`,
  });
}

export function unknownCommand(parent: Command, word: string): DsoError {
  const names = parent.commands.flatMap((command) => [command.name(), ...command.aliases()]);
  const near = suggest(word, names);
  const name = fullName(parent);
  const hint =
    near === undefined ? `Run \`${name} --help\` for the list.` : `Did you mean "${name} ${near}"?`;
  return new DsoError("usage", `${name} has no command "${word}".`, { hint });
}

function longNames(command: Command): readonly string[] {
  return command.options.flatMap(({ long }) => (long ? [long.slice(2)] : []));
}

function fullName(command: Command): string {
  const { parent } = command;
  return parent === null ? command.name() : `${fullName(parent)} ${command.name()}`;
}
