/** Checks a merged document against the Compose schema and says what is wrong in people's words. */
import { combine } from "../../model/errors.ts";
import type { DsoError } from "../../model/errors.ts";
import { suggest } from "../../model/suggest.ts";
import { invalid } from "../fault.ts";
import type { SchemaError } from "../generated/schema.js";
import { get, showPath, toJson } from "../node.ts";
import type { Mapping, Node, Path } from "../node.ts";

/** Rejects with `compose-invalid` that lists every finding. */
export async function checkSchema(document: Mapping): Promise<void> {
  const { default: validate } = await import("../generated/schema.js");
  if (validate(toJson(document))) return;
  const findings = mostSpecific(validate.errors ?? []);
  throw combine(findings.map((errors) => describe(document, errors)));
}

/** Errors that only say "none of the forms fits" are left out where a form says why. */
function mostSpecific(errors: readonly SchemaError[]): readonly (readonly SchemaError[])[] {
  const telling = errors.filter(({ keyword }) => keyword !== "oneOf");
  const shown = telling.filter(
    (error) => !telling.some((other) => other !== error && outranks(other, error)),
  );
  return [...Map.groupBy(shown, ({ instancePath }) => instancePath).values()];
}

function outranks(other: SchemaError, error: SchemaError): boolean {
  if (other.instancePath.startsWith(`${error.instancePath}/`)) return error.keyword === "type";
  return (
    other.instancePath === error.instancePath &&
    error.keyword === "type" &&
    other.keyword !== "type"
  );
}

function describe(document: Mapping, errors: readonly SchemaError[]): DsoError {
  const [error] = errors;
  if (error === undefined) throw new Error("checkSchema: a finding without an error");
  const { path, node } = find(document, error.instancePath);
  const place = path.length === 0 ? "" : `${showPath(path)}: `;
  if (error.keyword === "additionalProperties") return unknownKey(error, place, node);
  return invalid(`${place}${expectation(errors)}`, node.at);
}

function unknownKey(error: SchemaError, place: string, node: Node): DsoError {
  const key = String(error.params.additionalProperty);
  const known = Object.keys(error.parentSchema?.properties ?? {});
  const near = suggest(key, known);
  const hint =
    known.length === 0
      ? "Use letters, digits, ., _ and - for names."
      : near === undefined
        ? "Remove it; keys of your own begin with x-."
        : `Did you mean "${near}"?`;
  return invalid(`${place}unknown key "${key}"`, get(node, key)?.keyAt ?? node.at, hint);
}

function expectation(errors: readonly SchemaError[]): string {
  const types = errors.filter(({ keyword }) => keyword === "type");
  if (types.length > 0) {
    const names = types.flatMap(({ params }) => params.type as string | string[]);
    const words = [...new Set(names.map((name) => TYPES[name] ?? name))];
    return `expected ${words.join(" or ")}`;
  }
  const [error] = errors;
  const { params } = error ?? {};
  switch (error?.keyword) {
    case "required":
      return `${String(params?.missingProperty)} is missing`;
    case "enum":
      return `expected one of ${(params?.allowedValues as unknown[]).join(", ")}`;
    case "uniqueItems":
      return `items ${String(params?.j)} and ${String(params?.i)} are equal`;
    default:
      return error?.message ?? "not as the schema has it";
  }
}

const TYPES: Readonly<Record<string, string>> = {
  object: "a mapping",
  array: "a list",
  string: "text",
  integer: "a whole number",
  number: "a number",
  boolean: "true or false",
  null: "nothing",
};

function find(document: Mapping, pointer: string): { path: Path; node: Node } {
  const path: (string | number)[] = [];
  let node: Node = document;
  for (const part of pointer.split("/").slice(1)) {
    const key = part.replaceAll("~1", "/").replaceAll("~0", "~");
    const step = node.kind === "sequence" ? Number(key) : key;
    const next = get(node, step);
    if (next === undefined) break;
    path.push(step);
    node = next;
  }
  return { path, node };
}
