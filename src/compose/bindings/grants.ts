/** The files that `secrets:` and `configs:` of a service ask for. Pure. */
import {
  SECRETS_DIRECTORY,
  setsOwnership,
  type FileContent,
  type FileDelivery,
} from "../../model/desired.ts";
import { DsoError, withPosition, type Position } from "../../model/errors.ts";
import { isReferenceLike } from "../../model/parseReference.ts";
import type { FileGrantModel, FileSourceModel } from "../../model/project.ts";
import { attempt, readTemplate, type Reading } from "./reading.ts";
import { absoluteTarget, type WantedFile } from "./targets.ts";

type Kind = "secret" | "config";

interface Grant {
  readonly kind: Kind;
  readonly grant: FileGrantModel;
  readonly target: string;
  /** Of the service's own entry. */
  readonly position: Position | undefined;
}

/**
 * Those that we deliver: what comes from a reference, from `content:` or from
 * `environment:` (the engine would write these into the container's disk layer);
 * a file of the host that is to have another owner or mode than it has there, which
 * no bind can give it; and, once the service gets any file from us, all its secrets
 * and whatever else lies in the secrets directory, because nothing can be mounted below it.
 */
export function grantedFiles(reading: Reading, anyFile: boolean): readonly WantedFile[] {
  const wanted = grantsOf(reading).flatMap((grant) => {
    const file = attempt(reading, grant.position, () => wantedFile(grant, reading));
    return file === undefined ? [] : [{ ...file, kind: grant.kind }];
  });
  const ours = anyFile || wanted.some(({ file }) => isOurs(file));
  return wanted.filter(
    ({ kind, file }) => isOurs(file) || (ours && (kind === "secret" || file.inDirectory)),
  );
}

/** All else can stay a bind of the file, as Compose has it. */
function isOurs(file: FileDelivery): boolean {
  return file.content.kind !== "host-file" || setsOwnership(file);
}

function grantsOf({ model, service, project }: Reading): readonly Grant[] {
  const at = (list: string, index: number) =>
    project.positions.at(["services", service, list, index]);
  return [
    ...(model.secrets ?? []).map((grant, index) => ({
      kind: "secret" as const,
      grant,
      target: absoluteTarget(grant.target ?? grant.source),
      position: at("secrets", index),
    })),
    ...(model.configs ?? []).map((grant, index) => ({
      kind: "config" as const,
      grant,
      target: absoluteTarget(grant.target ?? grant.source, "/"),
      position: at("configs", index),
    })),
  ];
}

function wantedFile(wanted: Grant, reading: Reading): WantedFile | undefined {
  const { kind, grant, target, position } = wanted;
  const entry = reading.project[`${kind}s`].get(grant.source);
  if (entry === undefined) {
    // A reference in its place has its own error, with the way to write it.
    if (isReferenceLike(grant.source)) return undefined;
    throw invalid(wanted, "is not declared", `Declare it under the top-level ${kind}s:.`);
  }
  return {
    file: {
      target,
      inDirectory: target.startsWith(`${SECRETS_DIRECTORY}/`),
      content: contentOf(wanted, entry, reading),
      mode: permissions(wanted),
      uid: ownerId("uid", wanted),
      gid: ownerId("gid", wanted),
      ...(kind === "config" ? { isConfig: true } : {}),
    },
    position,
    by: `${kind} "${grant.source}"`,
  };
}

function contentOf(wanted: Grant, entry: FileSourceModel, reading: Reading): FileContent {
  if (entry.external === true) return externalContent(wanted, entry, reading);
  if (entry.file !== undefined) return { kind: "host-file", path: entry.file };
  if (entry.environment !== undefined) {
    return { kind: "host-variable", variable: entry.environment };
  }
  if (wanted.kind === "config" && entry.content !== undefined) {
    return readContent(entry.content, ["configs", wanted.grant.source, "content"], reading);
  }
  throw invalid(wanted, "has no source", "Give it file: or environment:.");
}

function externalContent(wanted: Grant, entry: FileSourceModel, reading: Reading): FileContent {
  const name = entry.name ?? wanted.grant.source;
  if (wanted.kind === "config") {
    const hint = "Write its text as content:, with {{dso://…}} where a secret belongs.";
    throw unsupported(wanted, reading, "is external", hint, "external");
  }
  if (!name.startsWith("dso://")) {
    const hint = "Write name: dso://path#key next to external: true.";
    const what = isReferenceLike(name)
      ? "must be named by one dso:// reference and nothing else"
      : "is external, but its name is no reference";
    throw unsupported(wanted, reading, what, hint, "name");
  }
  return readContent(name, ["secrets", wanted.grant.source, "name"], reading);
}

/** What is wrong in the text stands where the text stands, not where it is used. */
function readContent(text: string, path: readonly string[], reading: Reading): FileContent {
  try {
    return { kind: "template", template: readTemplate(text, reading.rules) };
  } catch (error) {
    if (!(error instanceof DsoError)) throw error;
    throw withPosition(error, reading.project.positions.at(path));
  }
}

function permissions(wanted: Grant): number | undefined {
  const { mode } = wanted.grant;
  if (mode === undefined) return undefined;
  if (/^0{0,2}[0-7]{3}$/.test(mode)) return Number.parseInt(mode, 8);
  throw invalid(wanted, `has the mode "${mode}"`, "Write permission bits in octal, such as 0440.");
}

function ownerId(name: "uid" | "gid", wanted: Grant): number | undefined {
  const id = wanted.grant[name];
  if (id === undefined) return undefined;
  if (/^\d{1,10}$/.test(id) && Number(id) < 2 ** 32 - 1) return Number(id);
  throw invalid(wanted, `has the ${name} "${id}"`, "Write a number, such as 1000.");
}

/** A fault of the service's own entry. */
function invalid({ kind, grant }: Grant, what: string, hint: string): DsoError {
  return new DsoError("compose-invalid", `${kind} "${grant.source}" ${what}`, { hint });
}

/** A fault of the top-level entry, at one of its keys. */
function unsupported(
  { kind, grant }: Grant,
  reading: Reading,
  what: string,
  hint: string,
  key: string,
): DsoError {
  const error = new DsoError("compose-unsupported", `${kind} "${grant.source}" ${what}`, { hint });
  return withPosition(error, reading.project.positions.at([`${kind}s`, grant.source, key]));
}
