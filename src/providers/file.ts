/** Files of one directory, as a CI job or systemd provides them: one value each, and no versions. */
import { constants } from "node:fs";
import { access, realpath, stat } from "node:fs/promises";
import { join, resolve, sep } from "node:path";
import { hasCode } from "../lib/files.ts";
import { readFault, readStoredFile } from "../lib/namedFile.ts";
import { DsoError } from "../model/errors.ts";
import { type SecretProvider, UNSUPPORTED } from "../model/ports.ts";
import { Secret } from "../model/secret.ts";
import { answerEach, healthOf } from "./answers.ts";
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
          values: new Map([[DEFAULT_KEY, await twice(() => readWithin(base, path))]]),
        }),
        signal,
      );
    },
    check: () => healthOf(() => baseOf(name, directory)),
    close: () => Promise.resolve(),
  };
}

async function baseOf(name: string, directory: string): Promise<string> {
  try {
    return await realpath(directory);
  } catch (cause) {
    throw new DsoError("provider-unreachable", `provider "${name}": ${directory} ${why(cause)}`, {
      hint: `Make it, or correct providers.${name}.path in dso.yaml.`,
      cause,
    });
  }
}

/** The file that a path means, its links followed; rejects where that lies elsewhere, or may not be read. */
async function locate(base: string, path: string): Promise<string> {
  const asked = join(base, path);
  try {
    const file = await realpath(asked);
    if (file.startsWith(base + sep)) {
      await access(file, constants.R_OK);
      if (!(await stat(file)).isDirectory()) return file;
      throw new DsoError("secret-denied", `${asked} is a directory`, {
        hint: "Name a file of it.",
      });
    }
  } catch (cause) {
    throw cause instanceof DsoError ? cause : faulty(asked, cause);
  }
  throw new DsoError("secret-denied", `${asked} leads out of ${base}`, {
    hint: "Put the file itself there.",
  });
}

async function readWithin(base: string, path: string): Promise<Secret> {
  const file = await locate(base, path);
  try {
    return new Secret(readStoredFile(file));
  } catch (cause) {
    throw faulty(file, cause);
  }
}

/** Whoever puts another link in a link's place may have taken away between two steps what it led to. */
async function twice<T>(look: () => Promise<T>): Promise<T> {
  return look().catch((error: unknown) => {
    if (error instanceof DsoError && error.code === "secret-missing") return look();
    throw error;
  });
}

/** Only what is not there is missing. */
function faulty(file: string, cause: unknown): DsoError {
  const isMissing = hasCode(cause, "ENOENT", "ENOTDIR");
  const isLarge = hasCode(cause, "EFBIG");
  const code = isMissing ? "secret-missing" : isLarge ? "secret-too-large" : "secret-denied";
  return new DsoError(code, `${file} ${why(cause)}`, { cause });
}

function why(cause: unknown): string {
  return readFault(cause) ?? "cannot be read";
}
