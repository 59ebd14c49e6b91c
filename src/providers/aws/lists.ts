/** Metadata of many secrets in few requests. */
import { DsoError } from "../../model/errors.ts";
import { MOST_PREFIXES, type SecretsApi } from "./api.ts";
import type { Denial } from "./denial.ts";
import { namesOf, prefixFor, type SecretEntry } from "./metadata.ts";

/** Others may have the same beginning, as many as they like. */
const PAGES_OF_FILTER = 2;

/**
 * Those of `paths` that the lists show: whoever is not in them is asked for alone. However many secrets the account
 * has, there are at most three requests for ten that are wanted. None where the policy forbids to list.
 */
export async function findListed(
  api: Pick<SecretsApi, "list">,
  denial: Denial,
  paths: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, SecretEntry>> {
  const found = new Map<string, SecretEntry>();
  if (denial.holds()) return found;
  try {
    await findIn(api, paths, found, signal);
  } catch (error) {
    if (!(error instanceof DsoError && error.code === "secret-denied")) throw error;
    denial.note();
  }
  return found;
}

async function findIn(
  api: Pick<SecretsApi, "list">,
  paths: ReadonlySet<string>,
  found: Map<string, SecretEntry>,
  signal: AbortSignal,
): Promise<void> {
  const walk = async (
    prefixes: readonly string[],
    wanted: readonly string[],
    pages: number,
  ): Promise<boolean> => {
    let next: string | undefined;
    for (let page = 0; page < pages; page++) {
      const listed = await api.list(prefixes, next, signal);
      for (const entry of listed.entries) keep(found, paths, entry);
      next = listed.next;
      if (next === undefined || wanted.every((path) => found.has(path))) return true;
    }
    return false;
  };
  const all = [...paths];
  const filters = Math.ceil(all.length / MOST_PREFIXES);
  // Few are looked for by their names; many in the list of all, unless that is a long one.
  if (filters > 1 && (await walk([], all, filters))) return;
  const rest = all.filter((path) => !found.has(path) && prefixFor(path) !== undefined);
  for (let at = 0; at < rest.length; at += MOST_PREFIXES) {
    const some = rest.slice(at, at + MOST_PREFIXES);
    await walk(
      some.map(prefixFor).filter((one) => one !== undefined),
      some,
      PAGES_OF_FILTER,
    );
  }
}

/** The end of an ARN that is left out may be the end of another's name: that other one is not meant. */
function keep(
  found: Map<string, SecretEntry>,
  paths: ReadonlySet<string>,
  entry: SecretEntry,
): void {
  for (const name of namesOf(entry)) {
    const isWhole = name === entry.name || name === entry.arn;
    if (paths.has(name) && (isWhole || !found.has(name))) found.set(name, entry);
  }
}
