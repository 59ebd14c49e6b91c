/** Files of one directory, as a CI job or systemd provides them: one value each, and no versions. */
import { resolve } from "node:path";
import { type SecretProvider, UNSUPPORTED } from "../model/ports.ts";
import { Secret } from "../model/secret.ts";
import { answerEach, healthOf } from "./answers.ts";
import { baseOf, locate, readWithin, twice } from "./directory.ts";
import { type Opening, requiredText } from "./opening.ts";
import { DEFAULT_KEY } from "./selectKey.ts";

export function openFileProvider({ name, settings, directory }: Opening): SecretProvider {
  const path = requiredText(settings, "path");
  return createFileProvider({ name, directory: resolve(directory, path) });
}

export interface FileOptions {
  readonly name: string;
  /** Absolute. Nothing outside of it is read, whatever a path or a link says. */
  readonly directory: string;
}

export function createFileProvider({ name, directory }: FileOptions): SecretProvider {
  const valueOf = async (base: string, path: string): Promise<Secret> =>
    new Secret(await twice(() => readWithin(base, path)));
  return {
    name,
    versions: async (requests, signal) => {
      signal.throwIfAborted();
      const base = await baseOf(name, directory);
      return answerEach(
        requests,
        async ({ path }): Promise<typeof UNSUPPORTED> => {
          await twice(() => locate(base, path));
          return UNSUPPORTED;
        },
        signal,
      );
    },
    read: async (requests, signal) => {
      signal.throwIfAborted();
      const base = await baseOf(name, directory);
      return answerEach(
        requests,
        async ({ path }) => ({
          version: "",
          values: new Map([[DEFAULT_KEY, await valueOf(base, path)]]),
        }),
        signal,
      );
    },
    check: () => healthOf(() => baseOf(name, directory)),
    close: () => Promise.resolve(),
  };
}
