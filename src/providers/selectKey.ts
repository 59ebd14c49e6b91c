import { suggest } from "../model/suggest.ts";
import { DsoError } from "../model/errors.ts";

/** The key that holds a secret's value where it has several and none was named. */
export const DEFAULT_KEY = "value";

/**
 * The key that is meant: the one named, else the only one, else `value`. Rejects
 * with `secret-missing` that lists the keys; it never guesses. `name` is the
 * secret as the reader knows it.
 */
export function selectKey(
  name: string,
  keys: Iterable<string>,
  wanted: string | undefined,
): string {
  const all = [...keys].sort();
  const [only, ...more] = all;
  if (wanted === undefined && only !== undefined && more.length === 0) return only;
  const key = wanted ?? DEFAULT_KEY;
  if (all.includes(key)) return key;
  const near = suggest(key, all);
  const list = all.join(", ") || "none";
  if (wanted === undefined) {
    throw new DsoError("secret-missing", `secret "${name}" has several keys (${list})`, {
      hint: `Name one: ${name}#${only ?? "key"}`,
    });
  }
  throw new DsoError("secret-missing", `secret "${name}" has no key "${wanted}" (keys: ${list})`, {
    hint: near === undefined ? "Name one of them after the #." : `Did you mean "${name}#${near}"?`,
  });
}
