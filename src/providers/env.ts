/** Variables of DSO's own environment, as a CI job has them: one value each, and no versions. */
import { DsoError } from "../model/errors.ts";
import { type SecretProvider, UNSUPPORTED } from "../model/ports.ts";
import { Secret } from "../model/secret.ts";
import { answerEach } from "./answers.ts";
import { type Opening, requiredText } from "./opening.ts";
import { DEFAULT_KEY } from "./selectKey.ts";

export function openEnvProvider({ name, settings, environment }: Opening): SecretProvider {
  return createEnvProvider({ name, environment, prefix: requiredText(settings, "prefix") });
}

export interface EnvOptions {
  readonly name: string;
  /** Stands before each name, so that a reference reaches no other variable. */
  readonly prefix: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

export function createEnvProvider({ name, prefix, environment }: EnvOptions): SecretProvider {
  const find = (path: string): string => {
    const value = environment[prefix + path];
    if (value !== undefined && value !== "") return value;
    if (value === "") throw new DsoError("secret-empty", `the variable ${prefix}${path} is empty`);
    throw new DsoError("secret-missing", `the variable ${prefix}${path} is not set`, {
      hint: `Set it where dso runs; provider "${name}" puts ${prefix} before the name in a reference.`,
    });
  };
  const unversioned = (path: string): typeof UNSUPPORTED => {
    find(path);
    return UNSUPPORTED;
  };
  return {
    name,
    versions: (requests, signal) => answerEach(requests, ({ path }) => unversioned(path), signal),
    read: (requests, signal) =>
      answerEach(
        requests,
        ({ path }) => ({
          version: "",
          values: new Map([[DEFAULT_KEY, new Secret(Buffer.from(find(path)))]]),
        }),
        signal,
      ),
    check: () => Promise.resolve({ ok: true }),
    close: () => Promise.resolve(),
  };
}
