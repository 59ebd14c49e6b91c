/** One snapshot of the versions of all secrets that a project names; no value is read. */
import { combine, DsoError, withPosition, type Position } from "../model/errors.ts";
import {
  requestKey,
  UNSUPPORTED,
  type SecretProvider,
  type SecretRequest,
} from "../model/ports.ts";
import { secretName, versionKey, type Reference } from "../model/reference.ts";
import type { Version, Versions } from "../model/version.ts";
import type { Providers } from "./registry.ts";
import { selectKey } from "./selectKey.ts";

export interface WantedReference {
  readonly reference: Reference;
  readonly position: Position | undefined;
}

export interface Snapshot {
  readonly versions: Versions;
  /** Version keys of secrets whose provider has no versions. */
  readonly unversioned: ReadonlySet<string>;
}

type Answer = Version | typeof UNSUPPORTED | DsoError;

/**
 * Asks each provider once, all of them at the same time. Rejects with one error
 * that lists everything: each secret with the first place that wants it, and each
 * provider that could not be asked.
 */
export async function readVersions(
  providers: Pick<Providers, "get">,
  wanted: readonly WantedReference[],
  signal: AbortSignal,
): Promise<Snapshot> {
  const versions = new Map<string, Version>();
  const unversioned = new Set<string>();
  const faults: DsoError[] = [];
  const secrets = firstOfEach(wanted);
  const byProvider = Map.groupBy(secrets, ({ reference }) => reference.provider);
  await collect(faults, byProvider, async (name, group) => {
    const provider = await providers.get(name);
    const answers = await provider.versions(
      group.map(({ reference }) => reference),
      signal,
    );
    for (const { reference, position } of group) {
      const answer = await judge(provider, reference, answerFor(reference, answers), signal);
      if (answer instanceof DsoError) faults.push(withPosition(answer, position));
      else if (answer === UNSUPPORTED) unversioned.add(versionKey(reference));
      else versions.set(versionKey(reference), answer);
    }
    const placed = wanted.filter(({ reference }) => versions.has(versionKey(reference)));
    const ofProvider = placed.filter(({ reference }) => reference.provider === name);
    faults.push(...(await wrongKeys(provider, ofProvider, signal)));
  });
  if (faults.length > 0) throw combine(faults);
  return { versions: new Map([...versions].sort(byKey)), unversioned };
}

/** Keys that a secret has not, or that had to be named: seen before apply, where the store tells the names. */
async function wrongKeys(
  provider: SecretProvider,
  wanted: readonly WantedReference[],
  signal: AbortSignal,
): Promise<readonly DsoError[]> {
  if (provider.keys === undefined || wanted.length === 0) return [];
  const answers = await provider.keys(
    firstOfEach(wanted).map(({ reference }) => reference),
    signal,
  );
  const faults = new Map<string, DsoError>();
  for (const { reference, position } of wanted) {
    const keys = answers.get(requestKey(reference));
    if (keys === undefined || keys instanceof DsoError) continue;
    const fault = faultOf(() => selectKey(secretName(reference), keys, reference.key));
    const name = `${versionKey(reference)}#${reference.key ?? ""}`;
    if (fault !== undefined && !faults.has(name)) faults.set(name, withPosition(fault, position));
  }
  return [...faults.values()];
}

function faultOf(choose: () => unknown): DsoError | undefined {
  try {
    choose();
    return undefined;
  } catch (error) {
    if (error instanceof DsoError) return error;
    throw error;
  }
}

function byKey([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : 1;
}

function firstOfEach(wanted: readonly WantedReference[]): readonly WantedReference[] {
  const first = new Map<string, WantedReference>();
  for (const one of wanted) {
    const key = versionKey(one.reference);
    if (!first.has(key)) first.set(key, one);
  }
  return [...first.values()];
}

/** Runs `ask` for all providers at once; one that fails as a whole is a fault of its own. */
export async function collect<T>(
  faults: DsoError[],
  byProvider: ReadonlyMap<string, T>,
  ask: (name: string, group: T) => Promise<void>,
): Promise<void> {
  const asked = await Promise.allSettled([...byProvider].map(([name, group]) => ask(name, group)));
  for (const result of asked) {
    if (result.status === "fulfilled") continue;
    // Anything else is a defect or the abort, which no list of faults may hide.
    if (!(result.reason instanceof DsoError)) throw result.reason;
    faults.push(result.reason);
  }
}

/** What the provider says about one request: it must say something. */
export function answerFor<T>(request: SecretRequest, answers: ReadonlyMap<string, T>): T {
  const answer = answers.get(requestKey(request));
  if (answer === undefined) throw new Error(`no answer about ${requestKey(request)}`);
  return answer;
}

/** The same answer; an error where there is none that helps. */
async function judge(
  provider: SecretProvider,
  reference: Reference,
  answer: Answer,
  signal: AbortSignal,
): Promise<Answer> {
  if (answer instanceof DsoError) return explainMissing(provider, reference, answer, signal);
  if (answer !== UNSUPPORTED || reference.pinned === undefined) return answer;
  return new DsoError(
    "reference-invalid",
    `reference ${JSON.stringify(reference.text)} pins a version, but provider "${reference.provider}" has none`,
    { hint: "Drop ?version=…." },
  );
}

/**
 * Where `db/password` is missing but `db` is there, `password` may have been meant
 * as its key: then the error proposes `db#password`. Other errors stay as they are.
 */
export async function explainMissing(
  provider: SecretProvider,
  reference: Reference,
  error: DsoError,
  signal: AbortSignal,
): Promise<DsoError> {
  const slash = reference.path.lastIndexOf("/");
  if (error.code !== "secret-missing" || slash === -1 || reference.key !== undefined) return error;
  const parent = { provider: reference.provider, path: reference.path.slice(0, slash) };
  const answers = await provider.versions([{ path: parent.path }], signal);
  const found = answerFor(parent, answers);
  if (found instanceof DsoError || found === UNSUPPORTED) return error;
  const key = reference.path.slice(slash + 1);
  return new DsoError(error.code, error.message, {
    hint: `There is a secret "${parent.path}": for its key "${key}" write ${reference.scheme}://${secretName(parent)}#${key}.`,
    cause: error.cause,
  });
}
