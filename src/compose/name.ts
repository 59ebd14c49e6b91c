/** The project's name: `-p`, COMPOSE_PROJECT_NAME, `name:` of the files, the directory. */
import path from "node:path";
import { DsoError } from "../model/errors.ts";
import type { Env } from "./discover.ts";
import { variable } from "./discover.ts";
import { invalid } from "./fault.ts";
import type { Mapping, Node, Scalar } from "./node.ts";
import { get } from "./node.ts";
import { substitute } from "./variables/template.ts";
import type { Trace } from "./trace.ts";

const NAME = "Use lower-case letters, digits, - and _, beginning with a letter or digit.";

function normalName(text: string): string {
  return text
    .toLowerCase()
    .replace(/[^-_a-z0-9]/g, "")
    .replace(/^[_-]+/, "");
}

/** Throws `compose-invalid` when the name is not usable or nothing is left of it. */
export function projectName(
  asked: string | undefined,
  env: Env,
  workingDir: string,
  documents: readonly Mapping[],
  trace: Trace,
): string {
  const explicit = asked || variable(env, "COMPOSE_PROJECT_NAME", trace);
  if (explicit !== undefined && explicit !== "") return checked(explicit);
  const written = documents.map((document) => get(document, "name")).findLast(isWritten);
  const name =
    written === undefined
      ? normalName(path.basename(workingDir))
      : writtenName(written, env, trace);
  if (name === "") {
    throw new DsoError("compose-invalid", "the project has no name", {
      hint: "Give one with -p or a top-level name:.",
    });
  }
  return name;
}

function checked(name: string): string {
  if (normalName(name) === name) return name;
  throw new DsoError("compose-invalid", `"${name}" cannot be a project name`, {
    hint: NAME,
  });
}

/** One of which nothing is left counts all the same: the directory's name does not take its place. */
function isWritten(node: Node | undefined): node is Scalar & { readonly value: string } {
  return node?.kind === "scalar" && typeof node.value === "string" && node.value !== "";
}

function writtenName({ value, at }: Scalar & { readonly value: string }, env: Env, trace: Trace) {
  const { text, fault } = substitute(value, (name) => variable(env, name, trace));
  if (fault !== undefined) throw invalid(`name: ${fault}`, at);
  const name = normalName(text);
  if (name === "") throw invalid("name: nothing that a project name can have is left", at, NAME);
  return name;
}
