import { suggest } from "../../model/suggest.ts";
import { DsoError } from "../../model/errors.ts";
import type { Secrets, VaultRecord } from "./format.ts";

const MAX_NAME_BYTES = 1024;

/** One value of one secret, as people name it on a command line: `db` or `db#password`. */
export interface SecretName {
  readonly path: string;
  readonly key?: string;
}

/** Rejects with `usage` where a reference could not name it either. */
export function parseSecretName(text: string): SecretName {
  const mark = text.indexOf("#");
  const path = mark === -1 ? text : text.slice(0, mark);
  checkPath(path);
  if (mark === -1) return { path };
  const key = text.slice(mark + 1);
  checkKey(key);
  return { path, key };
}

export function checkPath(path: string): void {
  if (path.split("/").some((segment) => ["", ".", ".."].includes(segment))) {
    throw badName(path, 'has an empty, "." or ".." segment', "Write it like app/db_password.");
  }
  if (path.includes("#")) throw badName(path, 'holds "#"', "That is where the key begins.");
  checkText(path);
}

export function checkKey(key: string): void {
  if (key === "") throw badName(key, "is empty", "Write db#password, or leave the # out.");
  if (key.includes("#")) throw badName(key, 'holds "#"', "Write one # only.");
  checkText(key);
}

function checkText(text: string): void {
  if (/[\u0000-\u001f\u007f]/.test(text) || !text.isWellFormed()) {
    throw badName(text, "holds a control character", "Leave it out.");
  }
  if (Buffer.byteLength(text) > MAX_NAME_BYTES) {
    throw badName(`${text.slice(0, 40)}…`, "is too long", `At most ${MAX_NAME_BYTES} bytes.`);
  }
}

function badName(text: string, fault: string, hint: string): DsoError {
  return new DsoError("usage", `secret name ${JSON.stringify(text)} ${fault}`, { hint });
}

/** The version that a reader gets who names none; `undefined` for what never was, is deleted or destroyed. */
export function currentOf(secrets: Secrets, path: string): VaultRecord | undefined {
  const last = secrets.get(path)?.at(-1);
  return last?.state === "live" ? last : undefined;
}

/** `secret-missing`, with what the reader most likely meant. */
export function missing(secrets: Secrets, path: string): DsoError {
  const last = secrets.get(path)?.at(-1);
  const what =
    last === undefined ? "is not in the vault" : `was ${last.state} at version ${last.version}`;
  return new DsoError("secret-missing", `secret "${path}" ${what}`, {
    hint: last === undefined ? hintFor(secrets, path) : hintForDeleted(secrets, path),
  });
}

function hintForDeleted(secrets: Secrets, path: string): string {
  const kept = secrets.get(path)?.findLast(({ state }) => state === "live");
  return kept === undefined
    ? `Set it again: dso secret set ${path}`
    : `Bring it back: dso secret rollback ${path} ${kept.version}`;
}

function hintFor(secrets: Secrets, path: string): string {
  const slash = path.lastIndexOf("/");
  const [parent, key] = [path.slice(0, Math.max(slash, 0)), path.slice(slash + 1)];
  if (currentOf(secrets, parent)?.values.some((value) => value.key === key) === true) {
    return `Secret "${parent}" has a key "${key}": write ${parent}#${key}`;
  }
  const live = [...secrets.keys()].filter((name) => currentOf(secrets, name) !== undefined);
  const near = suggest(path, live);
  return near === undefined ? `Set it: dso secret set ${path}` : `Did you mean "${near}"?`;
}

/** `secret-version-gone`: of a version that was pruned, destroyed or never was. */
export function versionGone(secrets: Secrets, path: string, version: string): DsoError {
  const kept = (secrets.get(path) ?? []).filter(({ state }) => state === "live");
  const known = kept.map((record) => record.version).join(", ") || "none";
  return new DsoError("secret-version-gone", `secret "${path}" has no version ${version}`, {
    hint: `Versions that can be read: ${known}.`,
  });
}
