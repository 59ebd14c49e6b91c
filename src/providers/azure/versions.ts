/** Versions without values: for what has not changed, the vault's list alone. */
import { DsoError } from "../../model/errors.ts";
import { type Clock, requestKey, type SecretRequest } from "../../model/ports.ts";
import type { Version } from "../../model/version.ts";
import { type Asked, goneOrMissing } from "./faults.ts";
import type { KeyVault, SecretInfo } from "./keyVault.ts";
import { isVersion } from "./names.ts";
import { checkUse, type Known, newestOf, stateOf, undecided } from "./newest.ts";

/** Of a vault: what it has told of its secrets is kept, so that the same need not be asked again. */
export interface VersionTable {
  /**
   * Those that the vault's list alone tells: they are as they were. By request. Rejects with what is wrong with the
   * vault as such.
   */
  unchanged(wanted: Wanted, signal: AbortSignal): Promise<ReadonlyMap<string, Version | DsoError>>;
  /** Rejects with what is wrong with this one. */
  ask(name: string, request: SecretRequest, signal: AbortSignal): Promise<Version>;
}

/** By the name that the vault knows it by. */
type Wanted = readonly (readonly [name: string, request: SecretRequest])[];

/** From so many secrets on, the list is worth it. */
const WORTH_A_LIST = 3;
/** The clocks of a service are so far apart, at most. */
const SETTLED_MS = 5000;

export function createVersionTable(
  vault: KeyVault,
  asked: Asked,
  clock: Pick<Clock, "elapsed">,
): VersionTable {
  const table = new Map<string, Known>();
  /** A list of more pages than that was not worth it. */
  let tooLong = 0;
  const now = (): number => vault.serverTime() ?? Date.now();
  return {
    async unchanged(wanted, signal) {
      const known = knownOf(table, wanted);
      if (known.size < WORTH_A_LIST || known.size <= tooLong) return new Map();
      const { entries, isWhole } = await listOf(vault, known, signal);
      if (!isWhole) tooLong = known.size;
      return new Map(
        [...known].flatMap(([name, request]) => {
          const [entry, before] = [entries.get(name), table.get(name)];
          if (entry === undefined || before?.state !== stateOf(entry)) return [];
          const fault = faultIn(() => checkUse(asked, request, entry, now()));
          return [[requestKey(request), fault ?? before.version]];
        }),
      );
    },
    async ask(name, request, signal) {
      const { pinned } = request;
      if (pinned !== undefined && !isVersion(pinned)) throw goneOrMissing(asked, request);
      const begun = clock.elapsed();
      const versions = await vault.versions(name, request, signal);
      // By the server's clock, as it was when this was asked: what comes after that is not in the answer.
      const asOf = (vault.serverTime() ?? 0) - (clock.elapsed() - begun);
      if (versions.length === 0) throw goneOrMissing(asked, request);
      const { info, known } = chosen(asked, request, versions, table.get(name), asOf);
      if (known !== undefined) table.set(name, known);
      checkUse(asked, request, info, now());
      return info.version ?? "";
    },
  };
}

/** The pinned one; else the newest, with what is to be known of it from then on. */
function chosen(
  asked: Asked,
  request: SecretRequest,
  versions: readonly SecretInfo[],
  before: Known | undefined,
  asOf: number,
): { readonly info: SecretInfo; readonly known?: Known } {
  if (request.pinned !== undefined) {
    const info = versions.find(({ version }) => version === request.pinned);
    if (info === undefined) throw goneOrMissing(asked, request);
    return { info };
  }
  const { info, together } = newestOf(versions, before);
  if (info?.version === undefined) throw undecided(asked, request, together);
  const settled = asOf - Math.max(info.created, info.updated) >= SETTLED_MS;
  return { info, known: { version: info.version, state: stateOf(info), together, settled } };
}

/** Those whose versions the table has, and which nobody has pinned. */
function knownOf(
  table: ReadonlyMap<string, Known>,
  wanted: Wanted,
): ReadonlyMap<string, SecretRequest> {
  return new Map(
    wanted.filter(
      ([name, { pinned }]) => pinned === undefined && table.get(name)?.settled === true,
    ),
  );
}

/** Until all that are known were found, or it costs more than to ask for each of them. */
async function listOf(
  vault: KeyVault,
  known: ReadonlyMap<string, SecretRequest>,
  signal: AbortSignal,
): Promise<{ readonly entries: ReadonlyMap<string, SecretInfo>; readonly isWhole: boolean }> {
  const entries = new Map<string, SecretInfo>();
  let pages = 0;
  try {
    for await (const page of vault.list(signal)) {
      for (const entry of page) if (known.has(entry.name)) entries.set(entry.name, entry);
      if (entries.size === known.size) break;
      if (++pages >= known.size) return { entries, isWhole: false };
    }
  } catch (error) {
    // Whoever may ask about some secrets only may not list them all.
    if (!(error instanceof DsoError) || error.code !== "secret-denied") throw error;
  }
  return { entries, isWhole: true };
}

function faultIn(check: () => void): DsoError | undefined {
  try {
    check();
    return undefined;
  } catch (error) {
    if (error instanceof DsoError) return error;
    throw error;
  }
}
