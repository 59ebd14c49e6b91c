/** Where delivered files lie in the container: no two at one place, none over another. Pure. */
import path from "node:path";
import { SECRETS_DIRECTORY, type FileDelivery, type Template } from "../../model/desired.ts";
import { DsoError, withPosition, type Position } from "../../model/errors.ts";
import { valueName } from "../../model/reference.ts";
import type { Reading } from "./reading.ts";

/** A file, and who asks for it. */
export interface WantedFile {
  readonly file: FileDelivery;
  readonly position: Position | undefined;
  /** For messages: `variable DB_PASSWORD_FILE`, `secret "db"`. */
  readonly by: string;
}

/** A target as the container sees it: what is relative lies below `base`. */
export function absoluteTarget(target: string, base: string = SECRETS_DIRECTORY): string {
  return path.posix.resolve(base, target);
}

/** Sorted by target, those that are wanted twice in the same way once; what clashes becomes a fault. */
export function settleTargets(
  wanted: readonly WantedFile[],
  reading: Reading,
): readonly WantedFile[] {
  const settled = new Map<string, WantedFile>();
  for (const one of wanted) {
    const other = settled.get(one.file.target);
    if (other !== undefined && !same(other.file, one.file)) {
      fault(reading, one, `both ${other.by} and ${one.by} want ${one.file.target}`, ANOTHER_TARGET);
    }
    // A dsofile:// is preferred: its text leads from the variable to the file.
    if (other === undefined || isFileReference(one.file)) settled.set(one.file.target, one);
  }
  const files = [...settled.values()].sort((a, b) => (a.file.target < b.file.target ? -1 : 1));
  for (const one of files) checkTarget(one, settled, reading);
  checkMounts(files, reading);
  return files;
}

const ANOTHER_TARGET =
  "Give one of them another target: ?target=… on a dsofile:// reference, target: on a secret or config.";

function fault(reading: Reading, wanted: WantedFile, message: string, hint: string): void {
  const error = new DsoError("reference-invalid", `service "${reading.service}": ${message}`, {
    hint,
  });
  reading.faults.push(withPosition(error, wanted.position));
}

function same(a: FileDelivery, b: FileDelivery): boolean {
  // One way to spell a dsofile:// per file: the variables are matched by their text.
  const bothFiles = isFileReference(a) && isFileReference(b);
  return identity(a, bothFiles) === identity(b, bothFiles);
}

function isFileReference({ content }: FileDelivery): boolean {
  const [only] = content.kind === "template" ? content.template : [];
  return typeof only === "object" && only.scheme === "dsofile";
}

function identity({ content, mode, uid, gid }: FileDelivery, spelling: boolean): string {
  const what = content.kind === "template" ? templateIdentity(content.template, spelling) : content;
  return JSON.stringify([what, mode, uid, gid]);
}

function templateIdentity(template: Template, spelling: boolean): unknown {
  return template.map((part) =>
    typeof part === "string"
      ? part
      : spelling
        ? { text: part.text }
        : { value: valueName(part), pinned: part.pinned },
  );
}

function checkTarget(
  wanted: WantedFile,
  all: ReadonlyMap<string, WantedFile>,
  reading: Reading,
): void {
  const { target } = wanted.file;
  if (
    target === SECRETS_DIRECTORY ||
    SECRETS_DIRECTORY.startsWith(`${target}/`) ||
    target === "/"
  ) {
    const message = `${wanted.by} wants ${target} as a file, but it is a directory`;
    fault(reading, wanted, message, ANOTHER_TARGET);
  }
  if (target.startsWith(`${SECRETS_DIRECTORY}/..`)) {
    const message = `${wanted.by} wants ${target}, but names that begin with ".." are reserved there`;
    fault(reading, wanted, message, ANOTHER_TARGET);
  }
  for (const parent of parents(target)) {
    const file = all.get(parent);
    if (file === undefined) continue;
    const message = `${file.by} wants ${parent} as a file, but ${wanted.by} wants ${target} below it`;
    fault(reading, wanted, message, ANOTHER_TARGET);
  }
}

function parents(target: string): readonly string[] {
  const parent = path.posix.dirname(target);
  return parent === "/" ? [] : [parent, ...parents(parent)];
}

/** The secrets directory is mounted read-only, so the engine can mount nothing into it. */
function checkMounts(files: readonly WantedFile[], reading: Reading): void {
  const { model, service, project } = reading;
  const mounts = [
    ...(model.volumes ?? []).map(({ target }, index) => ({ target, at: ["volumes", index] })),
    ...(model.tmpfs ?? []).map((entry, index) => ({
      target: entry.split(":")[0] ?? entry,
      at: ["tmpfs", index],
    })),
  ];
  const inDirectory = files.some(({ file }) => file.inDirectory);
  for (const { target, at } of mounts) {
    const mount = absoluteTarget(target, "/");
    const clash = files.find(({ file }) => file.target === mount);
    const inside = `${mount}/`.startsWith(`${SECRETS_DIRECTORY}/`) && inDirectory;
    if (!clash && !inside) continue;
    const what = clash?.by ?? "the secrets of the service";
    const message = `service "${service}": a volume is mounted at ${mount}, where ${what} must lie`;
    const error = new DsoError("compose-invalid", message, {
      hint: "Mount the volume somewhere else.",
    });
    reading.faults.push(withPosition(error, project.positions.at(["services", service, ...at])));
  }
}
