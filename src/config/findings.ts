/** What a schema finds, in words for people: where it stands, what is wrong, what to do. */
import { suggest } from "../model/suggest.ts";
import { DsoError, type ErrorCode, type Position } from "../model/errors.ts";
import type { SchemaError, SchemaPart } from "./schemaError.ts";
import type { Path } from "./yaml.ts";

/** The value that was validated: how errors call it and where its parts stand. */
export interface Subject {
  readonly code: ErrorCode;
  /** The dotted name of the whole, empty for a file's top level. */
  readonly name: string;
  readonly at: (path: Path) => Position | undefined;
  readonly keyAt: (path: Path) => Position | undefined;
}

interface Fault {
  readonly message: string;
  readonly hint: string;
  readonly position: Position | undefined;
}

const TYPE_WORDS: Readonly<Record<string, string>> = {
  object: "a mapping",
  array: "a list",
  string: "text",
  boolean: "true or false",
  integer: "a whole number",
};

/** One error for each place that is wrong, in the order of the file. */
export function findings(errors: readonly SchemaError[], subject: Subject): readonly DsoError[] {
  const found = new Map<string, Fault>();
  for (const error of errors) {
    // These two only say that something below them was wrong.
    if (error.keyword === "if" || error.keyword === "propertyNames") continue;
    const fault = describe(error, subject);
    found.set(fault.message, fault);
  }
  return [...found.values()]
    .sort((a, b) => order(a.position) - order(b.position))
    .map(
      ({ message, hint, position }) =>
        new DsoError(subject.code, message, { hint, ...(position && { position }) }),
    );
}

function order(position: Position | undefined): number {
  return position === undefined ? 0 : position.line * 10_000 + position.column;
}

function describe(error: SchemaError, subject: Subject): Fault {
  const path = pathOf(error.instancePath);
  const where = showPath(subject.name, path);
  if (error.keyword === "additionalProperties") return unknownKey(error, subject, path, where);
  if (error.propertyName !== undefined) return badName(error, subject, path, where);
  const position = subject.at(path);
  if (error.keyword === "required") {
    const key = String(error.params["missingProperty"]);
    return { message: `${where} lacks "${key}"`, hint: `Add ${key}: to it.`, position };
  }
  if (error.keyword === "minItems") {
    return { message: `${where} is empty`, hint: "Give it at least one entry.", position };
  }
  if (error.keyword === "enum") return notOneOf(error, where, position);
  return {
    message: `${where === "" ? "the file" : where} must be ${expected(error.parentSchema)}${shown(error)}`,
    hint: unitHint(error) ?? "Correct the value.",
    position,
  };
}

function unknownKey(error: SchemaError, subject: Subject, path: Path, where: string): Fault {
  const key = String(error.params["additionalProperty"]);
  const known = Object.keys(error.parentSchema?.properties ?? {}).sort();
  const near = suggest(key, known);
  return {
    message: `unknown key "${key}" ${where === "" ? "at the top level" : `in ${where}`}`,
    hint: near === undefined ? `Known keys: ${known.join(", ")}.` : `Did you mean "${near}"?`,
    position: subject.keyAt([...path, key]),
  };
}

function badName(error: SchemaError, subject: Subject, path: Path, where: string): Fault {
  const name = error.propertyName ?? "";
  return {
    message: `${where} has the entry "${name}", whose name must be ${expected(error.parentSchema)}`,
    hint: "Choose another name.",
    position: subject.keyAt([...path, name]),
  };
}

function notOneOf(error: SchemaError, where: string, position: Position | undefined): Fault {
  const allowed = (error.params["allowedValues"] as readonly unknown[]).map(String);
  const near = typeof error.data === "string" ? suggest(error.data, allowed) : undefined;
  return {
    message: `${where} must be one of ${allowed.join(", ")}${shown(error)}`,
    hint: near === undefined ? "Choose one of them." : `Did you mean "${near}"?`,
    position,
  };
}

function expected(part: SchemaPart | undefined): string {
  if (part?.title !== undefined) return part.title;
  const types = [part?.type ?? []].flat().filter((type) => type !== "null");
  return types.map((type) => TYPE_WORDS[type] ?? type).join(" or ") || "something else";
}

/** The value itself, unless it is too long to help or may be a credential, also one in a wrong place. */
function shown({ data, keyword, parentSchema }: SchemaError): string {
  if (typeof data !== "number" && (typeof data !== "string" || keyword === "type")) return "";
  const text = JSON.stringify(data);
  const mayBeSecret = parentSchema?.writeOnly === true || text.includes("@");
  return mayBeSecret || text.length > 60 ? "" : `, but is ${text}`;
}

function unitHint({ data, parentSchema }: SchemaError): string | undefined {
  if (typeof data !== "number") return undefined;
  return parentSchema?.title?.startsWith("a duration") === true
    ? `Write the unit, for example ${data}s.`
    : undefined;
}

function pathOf(pointer: string): Path {
  return pointer
    .split("/")
    .slice(1)
    .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"))
    .map((part) => (/^\d+$/.test(part) ? Number(part) : part));
}

function showPath(name: string, path: Path): string {
  return path.reduce<string>((text, key) => {
    if (typeof key === "number") return `${text}[${key}]`;
    return text === "" ? key : `${text}.${key}`;
  }, name);
}
