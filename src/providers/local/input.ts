import { combine, DsoError } from "../../model/errors.ts";
import { DEFAULT_KEY } from "../selectKey.ts";
import { type EditContext, openRecord, setValues, wipe } from "./edits.ts";
import type { Secrets } from "./format.ts";
import { checkPath, currentOf } from "./names.ts";

/** What an import did with one entry. */
export interface Imported {
  readonly path: string;
  readonly version: number;
  /** False where the vault held this very value already: no version was made. */
  readonly changed: boolean;
}

const MAX_VALUE_BYTES = 10 * 1024 * 1024;

/** Rejects with `secret-empty` or `secret-too-large`. */
export function checkValue(name: string, value: Buffer): void {
  if (value.length === 0) {
    throw new DsoError("secret-empty", `the value of secret "${name}" is empty`, {
      hint: "An empty secret is never delivered: give it a value, or remove it.",
    });
  }
  if (value.length > MAX_VALUE_BYTES) {
    throw new DsoError(
      "secret-too-large",
      `the value of secret "${name}" has ${value.length} bytes`,
      { hint: `At most ${MAX_VALUE_BYTES} are kept.` },
    );
  }
}

/** Rejects with `usage`, `secret-empty` or `secret-too-large`. */
export function checkEntry(path: string, value: Buffer): void {
  checkPath(path);
  checkValue(path, value);
}

/** `prefix` may be empty. */
export function entryPath(prefix: string, name: string): string {
  return prefix === "" ? name : `${prefix}/${name}`;
}

export interface ImportPlan {
  readonly path: string;
  readonly value: Buffer;
}

/** The entries with their paths, every fault of them in one error. */
export function planImport(
  entries: readonly (readonly [name: string, value: Buffer])[],
  prefix: string,
): readonly ImportPlan[] {
  const faults: DsoError[] = [];
  const plans = entries.map(([name, value]) => {
    const path = entryPath(prefix, name);
    try {
      checkEntry(path, value);
    } catch (error) {
      if (!(error instanceof DsoError)) throw error;
      faults.push(error);
    }
    return { path, value };
  });
  if (faults.length > 0) throw combine(faults);
  return plans;
}

/** One version per entry whose value is new. */
export function importAll(
  context: EditContext,
  secrets: Secrets,
  plans: readonly ImportPlan[],
): { readonly secrets: Secrets; readonly imported: readonly Imported[] } {
  const imported: Imported[] = [];
  let next = secrets;
  for (const { path, value } of plans) {
    const held = heldVersion(context, next, path, value);
    if (held !== undefined) {
      imported.push({ path, version: held, changed: false });
      continue;
    }
    const edit = setValues(context, next, path, new Map([[DEFAULT_KEY, value]]));
    imported.push({ path, version: edit.version, changed: true });
    next = edit.secrets;
  }
  return { secrets: next, imported };
}

function heldVersion(
  context: EditContext,
  secrets: Secrets,
  path: string,
  value: Buffer,
): number | undefined {
  const current = currentOf(secrets, path);
  if (current === undefined) return undefined;
  const held = openRecord(context, current);
  const same = held.get(DEFAULT_KEY)?.equals(value) === true;
  wipe(held);
  return same ? current.version : undefined;
}
