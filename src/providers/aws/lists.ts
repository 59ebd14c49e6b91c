/** Metadata of many secrets in few requests. */
import { DsoError } from "../../model/errors.ts";
import { MOST_PREFIXES, type SecretsApi } from "./api.ts";
import type { Denial } from "./denial.ts";
import { namesOf, prefixFor, type SecretEntry } from "./metadata.ts";

/** Others may have the same beginning, as many as they like. */
const PAGES_OF_FILTER = 2;

/**
 * Those of `paths` that the lists show: whoever is not in them is asked for alone. In all there are never many more
 * requests than one for ten wanted, however many secrets the account has. None where the policy forbids to list.
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
  const walk = async (prefixes: readonly string[], pages: number): Promise<boolean> => {
    let next: string | undefined;
    for (let page = 0; page < pages; page++) {
      const listed = await api.list(prefixes, next, signal);
      for (const entry of listed.entries) {
        for (const name of namesOf(entry)) if (paths.has(name)) found.set(name, entry);
      }
      next = listed.next;
      if (next === undefined || found.size === paths.size) return true;
    }
    return false;
  };
  const filters = Math.ceil(paths.size / MOST_PREFIXES);
  // Few are looked for by their names; many in the list of all, unless that is a long one.
  if (filters > 1 && (await walk([], filters + 1))) return;
  const rest = [...paths].filter((path) => !found.has(path)).map(prefixFor);
  const prefixes = rest.filter((prefix) => prefix !== undefined);
  for (let at = 0; at < prefixes.length; at += MOST_PREFIXES) {
    await walk(prefixes.slice(at, at + MOST_PREFIXES), PAGES_OF_FILTER);
  }
}
