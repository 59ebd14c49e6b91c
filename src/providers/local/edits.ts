/** Changes of a vault's content: each gives new content and leaves the old as it was. */
import { DsoError } from "../../model/errors.ts";
import { open, seal } from "./envelope.ts";
import { corrupt, type Secrets, type VaultRecord } from "./format.ts";
import { currentOf, missing, versionGone } from "./names.ts";

/** What an edit needs to know beside the content. */
export interface EditContext {
  readonly file: string;
  readonly vault: string;
  readonly valuesKey: Buffer;
  /** ISO 8601. */
  readonly now: string;
  readonly by: string;
  /** How many versions of a secret are kept. */
  readonly maxVersions: number;
}

export interface Edit {
  readonly secrets: Secrets;
  readonly version: number;
}

/** Values by key, in plain. */
export type PlainValues = ReadonlyMap<string, Buffer>;

/** A new version with these values; keys that the current one has beside them are kept. */
export function setValues(
  context: EditContext,
  secrets: Secrets,
  path: string,
  values: PlainValues,
): Edit {
  const current = currentOf(secrets, path);
  const kept = current === undefined ? new Map<string, Buffer>() : openRecord(context, current);
  try {
    return append(context, secrets, path, new Map([...kept, ...values]));
  } finally {
    wipe(kept);
  }
}

/** A new version that holds what an older one held. Versions are never written again. */
export function rollbackTo(
  context: EditContext,
  secrets: Secrets,
  path: string,
  version: number,
): Edit {
  const values = openRecord(context, findVersion(secrets, path, String(version)));
  try {
    return append(context, secrets, path, values, { copyOf: version });
  } finally {
    wipe(values);
  }
}

/** A new version that says "deleted"; the ones before it can be brought back. */
export function markDeleted(context: EditContext, secrets: Secrets, path: string): Edit {
  if (currentOf(secrets, path) === undefined) throw missing(secrets, path);
  return append(context, secrets, path, new Map(), { state: "deleted" });
}

/** Erases the values of all versions. Their numbers stay, so that none is ever used again. */
export function destroyAll(secrets: Secrets, path: string): Edit {
  const records = secrets.get(path);
  const last = records?.at(-1);
  if (records === undefined || last === undefined) throw missing(secrets, path);
  const erased = records.map((record) => ({ ...record, state: "destroyed" as const, values: [] }));
  return { secrets: new Map(secrets).set(path, erased), version: last.version };
}

/** Rejects with `secret-conflict` unless `expected` is the current version; 0: there is none. */
export function expectVersion(secrets: Secrets, path: string, expected: number | undefined): void {
  const current = currentOf(secrets, path)?.version ?? 0;
  if (expected === undefined || expected === current) return;
  const found = current === 0 ? "does not exist" : `is at version ${current}`;
  throw new DsoError("secret-conflict", `secret "${path}" ${found}, not at version ${expected}`, {
    hint: "Somebody changed it meanwhile: look at it and try again.",
  });
}

/** A version with values that can be read. */
export function findVersion(secrets: Secrets, path: string, version: string): VaultRecord {
  if (!secrets.has(path)) throw missing(secrets, path);
  const record = secrets.get(path)?.find((candidate) => String(candidate.version) === version);
  if (record?.state !== "live") throw versionGone(secrets, path, version);
  return record;
}

/** The caller wipes what it gets. */
export function openRecord(
  context: Pick<EditContext, "file" | "vault" | "valuesKey">,
  record: VaultRecord,
): Map<string, Buffer> {
  const values = new Map<string, Buffer>();
  for (const sealed of record.values) {
    const plain = open(context.valuesKey, binding(context.vault, record, sealed.key), sealed);
    if (plain === undefined) {
      wipe(values);
      throw corrupt(
        context.file,
        `secret "${record.secret}", version ${record.version}, key "${sealed.key}"`,
      );
    }
    values.set(sealed.key, plain);
  }
  return values;
}

export function wipe(values: PlainValues): void {
  for (const value of values.values()) value.fill(0);
}

function append(
  context: EditContext,
  secrets: Secrets,
  path: string,
  values: PlainValues,
  detail: Partial<Pick<VaultRecord, "state" | "copyOf">> = {},
): Edit {
  const older = secrets.get(path) ?? [];
  const version = (older.at(-1)?.version ?? 0) + 1;
  const record = {
    ...{ secret: path, version, created: context.now, by: context.by },
    ...{ state: "live" as const, ...detail },
  };
  const sealed = [...values.keys()].sort().map((key) => ({
    key,
    ...seal(context.valuesKey, binding(context.vault, record, key), values.get(key) ?? Buffer.of()),
  }));
  const kept = [...older, { ...record, values: sealed }].slice(-context.maxVersions);
  return { secrets: new Map(secrets).set(path, kept), version };
}

/** What a sealed value belongs to: moved anywhere else, it does not open. */
function binding(
  vault: string,
  record: Pick<VaultRecord, "secret" | "version" | "created" | "state">,
  key: string,
): readonly unknown[] {
  const { secret, version, created, state } = record;
  return ["dso-vault-value", 1, vault, secret, key, version, created, state];
}
