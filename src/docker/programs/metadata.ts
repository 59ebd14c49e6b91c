/** What a provider's program says of its options, and the arguments that come of them. */
import { DsoError } from "../../model/errors.ts";
import type { ProgramCall } from "../../model/providerPrograms.ts";

interface Parameter {
  readonly name: string;
  readonly required: boolean;
}

/** By command. Undefined: it says nothing, and takes what comes. */
export type Declared = ReadonlyMap<string, readonly Parameter[]> | undefined;

/**
 * What is no description of a program is none: to have one is the program's choice. As with Compose, it is one
 * where it describes the program or has a list of parameters, be it empty, for `up` or `down`.
 */
export function readMetadata(text: string): Declared {
  let found: unknown;
  try {
    found = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isRecord(found)) return undefined;
  const commands = ["up", "down", "stop"].flatMap((verb) => {
    const command = found[verb];
    const parameters = isRecord(command) ? command["parameters"] : undefined;
    return Array.isArray(parameters) ? [[verb, parametersOf(parameters)] as const] : [];
  });
  const isDescribed = typeof found["description"] === "string" && found["description"] !== "";
  const counts = isDescribed || commands.some(([verb]) => verb !== "stop");
  return counts ? new Map(commands) : undefined;
}

function parametersOf(found: readonly unknown[]): readonly Parameter[] {
  return found.flatMap((one: unknown) =>
    isRecord(one) && typeof one["name"] === "string"
      ? [{ name: one["name"], required: one["required"] === true }]
      : [],
  );
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * The options that the command takes, sorted. Throws `program-failed` where one is missing that it wants, or
 * where none of its commands knows one: Compose would leave that out in silence.
 */
export function optionArguments(
  { service, type, options, verb }: ProgramCall,
  declared: Declared,
): readonly string[] {
  const names = Object.keys(options).sort();
  const own = declared?.get(verb) ?? [];
  if (declared !== undefined) {
    const all = [...new Set([...declared.values()].flat().map(({ name }) => name))].sort();
    const unknown = names.find((name) => !all.includes(name));
    if (unknown !== undefined) {
      const hint = all.length === 0 ? "It takes none." : `It takes ${all.join(", ")}.`;
      throw fault(`service "${service}": provider "${type}" has no option "${unknown}"`, hint);
    }
    const missing = own.find(({ name, required }) => required && !Object.hasOwn(options, name));
    if (missing !== undefined) {
      throw fault(
        `service "${service}": provider "${type}" wants the option "${missing.name}"`,
        "Write it under provider: options:.",
      );
    }
  }
  return names
    .filter((name) => declared === undefined || own.some((one) => one.name === name))
    .flatMap((name) => (options[name] ?? []).map((value) => `--${name}=${value}`));
}

function fault(message: string, hint: string): DsoError {
  return new DsoError("program-failed", message, { hint });
}
