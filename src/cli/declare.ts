import type { Command } from "commander";
import { type KnownFlag, readFlags } from "./argv.ts";
import type { Entry } from "./entry.ts";
import type { Session } from "./session.ts";
import { unknownCommand } from "./usage.ts";

export interface Declared {
  /** The command line with its flags respelled. */
  readonly words: readonly string[];
  /** The one that is called. */
  readonly command: Command;
}

interface Surroundings {
  readonly session: Session;
  readonly catalog: readonly Entry[];
}

type Group = Pick<Extract<Entry, { commands: unknown }>, "commands" | "otherwise">;

/** Finds the one of a group that is called, and declares and loads that; all names where none is. */
export async function declareCalled(
  parent: Command,
  group: Group,
  argv: readonly string[],
  around: Surroundings,
): Promise<Declared> {
  const { read, rest } = readFlags(argv, knownFlags(parent), true);
  const [name, ...tail] = rest[0] === "help" ? [...rest.slice(1), "--help"] : rest;
  const called = name === undefined ? undefined : find(group, name);
  if (name !== undefined && called !== undefined) {
    const { words, command } = await declareEntry(addEntry(parent, called), called, tail, around);
    return { words: [...read, name, ...words], command };
  }
  for (const entry of group.commands) addEntry(parent, entry);
  if (name === undefined) return { words: read, command: parent };
  if (name === "--help") return { words: [...read, name], command: parent };
  throw unknownCommand(parent, name);
}

function find({ commands, otherwise }: Group, name: string): Entry | undefined {
  const own = commands.find((entry) => entry.name === name || entry.aliases?.includes(name));
  return own ?? (name === "--help" ? undefined : otherwise?.(name));
}

async function declareEntry(
  command: Command,
  entry: Entry,
  argv: readonly string[],
  around: Surroundings,
): Promise<Declared> {
  if ("commands" in entry) return declareCalled(command, entry, argv, around);
  (await entry.load()).define(command, around.session, around.catalog);
  const { read, rest } = readFlags(argv, knownFlags(command), entry.passThrough === true);
  return { words: [...read, ...rest], command };
}

/** Declares all commands with all their flags, for completion. */
export async function declareEach(
  parent: Command,
  entries: readonly Entry[],
  around: Surroundings,
): Promise<void> {
  for (const entry of entries) {
    const command = addEntry(parent, entry);
    if ("commands" in entry) await declareEach(command, entry.commands, around);
    else (await entry.load()).define(command, around.session, around.catalog);
  }
}

function addEntry(parent: Command, entry: Entry): Command {
  const command = parent
    .command(entry.name)
    .summary(entry.summary)
    .description(entry.summary)
    .aliases([...(entry.aliases ?? [])]);
  if (entry.passThrough === true) command.passThroughOptions();
  if ("commands" in entry) {
    command.enablePositionalOptions().helpCommand(false);
    entry.declareFlags?.(command);
  }
  return command;
}

function knownFlags(command: Command): readonly KnownFlag[] {
  const help = { long: "help", short: "h", takesValue: false };
  const declared = command.options.map(({ long, short, required }) => ({
    long: long?.slice(2),
    short: short?.slice(1),
    takesValue: required,
  }));
  return [...declared, help];
}
