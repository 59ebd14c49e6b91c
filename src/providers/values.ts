/** Reads the values that references name, each at the version of the snapshot. */
import { combine, DsoError, type Position, withPosition } from "../model/errors.ts";
import { requestKey, type SecretData, type SecretRequest } from "../model/ports.ts";
import { secretName, valueName, versionKey, type Reference } from "../model/reference.ts";
import type { Secret } from "../model/secret.ts";
import type { Versions } from "../model/version.ts";
import { dropUnused } from "./answers.ts";
import type { Providers } from "./registry.ts";
import { selectKey } from "./selectKey.ts";
import { answerFor, collect, explainMissing } from "./versions.ts";

/** A reference, with the place that wants it where that is known. */
export type PlacedReference = Reference & { readonly position?: Position | undefined };

export interface ValueLimits {
  /** The most that one value may have. */
  readonly maxSecretBytes: number;
}

/**
 * Value name (`provider:path#key`) to value; the caller owns and drops them. No two
 * references may pin different versions of one value. Rejects with one error that
 * lists every secret that is missing, denied, empty or too large, and then nothing
 * that was read is left; nor is, in any case, a value that no reference names.
 */
export async function readValues(
  providers: Pick<Providers, "get">,
  references: readonly PlacedReference[],
  versions: Versions,
  { maxSecretBytes }: ValueLimits,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Secret>> {
  const values = new Map<string, Secret>();
  const read: SecretData[] = [];
  const faults: DsoError[] = [];
  try {
    const byProvider = Map.groupBy(references, ({ provider }) => provider);
    await collect(faults, byProvider, async (name, group) => {
      const provider = await providers.get(name);
      const requests = distinctRequests(group, versions);
      const answers = await provider.read(requests, signal);
      for (const answer of answers.values()) if (!(answer instanceof DsoError)) read.push(answer);
      for (const reference of group) {
        const answer = answerFor(requestFor(reference, versions), answers);
        const value =
          answer instanceof DsoError
            ? await explainMissing(provider, reference, answer, signal)
            : pick(reference, answer, maxSecretBytes);
        if (value instanceof DsoError) faults.push(withPosition(value, reference.position));
        else values.set(valueName(reference), value);
      }
    });
    if (faults.length > 0) throw combine(distinctFaults(faults));
  } catch (error) {
    values.clear();
    throw error;
  } finally {
    dropUnused(read, new Set(values.values()));
  }
  return values;
}

/** At the version of the snapshot; without one the provider has no versions. */
function requestFor(reference: Reference, versions: Versions): SecretRequest {
  // What is pinned may be the name of a version, whose meaning the snapshot has fixed.
  const version = versions.get(versionKey(reference)) ?? reference.pinned;
  return { path: reference.path, ...(version === undefined ? {} : { pinned: version }) };
}

function distinctRequests(
  references: readonly Reference[],
  versions: Versions,
): readonly SecretRequest[] {
  const requests = references.map((reference) => requestFor(reference, versions));
  return [...new Map(requests.map((request) => [requestKey(request), request])).values()];
}

function pick(reference: Reference, { values }: SecretData, maxBytes: number): Secret | DsoError {
  const secret = secretName(reference);
  try {
    const key = selectKey(secret, values.keys(), reference.key);
    const value = values.get(key);
    if (value === undefined)
      throw new Error(`key ${key} of ${secret} was selected but is not there`);
    return checkLength(value, `"${secret}" (key "${key}")`, maxBytes) ?? value;
  } catch (error) {
    if (error instanceof DsoError) return error;
    throw error;
  }
}

function checkLength(value: Secret, what: string, maxBytes: number): DsoError | undefined {
  if (value.byteLength === 0) {
    return new DsoError("secret-empty", `secret ${what} is empty`, {
      hint: "Give it a value: an empty one is never delivered.",
    });
  }
  if (value.byteLength <= maxBytes) return undefined;
  return new DsoError(
    "secret-too-large",
    `secret ${what} has ${value.byteLength} bytes, more than the ${maxBytes} that are allowed`,
    { hint: "Make it smaller, or raise agent.cache.max_secret_size in dso.yaml." },
  );
}

/** Several references may name one secret that is missing. */
function distinctFaults(faults: readonly DsoError[]): readonly DsoError[] {
  return [...new Map(faults.map((fault) => [fault.message, fault])).values()];
}
