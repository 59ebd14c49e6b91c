import { DsoError } from "../../model/errors.ts";

const LONGEST = 127;
const NAME = /^[0-9A-Za-z-]{1,127}$/;
const VERSION = /^[0-9a-f]{32}$/i;

/**
 * The name that Key Vault knows a path by: the same one, in lower case, because it does not tell cases apart.
 * Rejects with `reference-invalid` that proposes a name; none is made up silently, since two paths could meet in it.
 */
export function secretNameOf(provider: string, path: string): string {
  if (NAME.test(path)) return path.toLowerCase();
  const proposed = path
    .replaceAll(/[^0-9A-Za-z-]+/g, "-")
    .replaceAll(/^-+|-+$/g, "")
    .slice(0, LONGEST);
  const rule = `Key Vault takes letters, digits and "-" only, ${LONGEST} at most`;
  throw new DsoError(
    "reference-invalid",
    `"${path}" is no name of a secret in provider "${provider}"`,
    {
      hint:
        proposed === ""
          ? `${rule}.`
          : `${rule}: name it "${proposed}", there and in the reference.`,
    },
  );
}

/** One that cannot be is not asked for. */
export function isVersion(text: string): boolean {
  return VERSION.test(text);
}
