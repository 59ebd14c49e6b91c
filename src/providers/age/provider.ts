/** Secrets that lie encrypted in a repository, for age: as plain age files, or as SOPS documents. */
import { createHash } from "node:crypto";
import { setImmediate as pause } from "node:timers/promises";
import { DsoError } from "../../model/errors.ts";
import type { SecretData, SecretProvider, SecretRequest } from "../../model/ports.ts";
import { Secret } from "../../model/secret.ts";
import type { Version } from "../../model/version.ts";
import { answerEach, healthOf } from "../answers.ts";
import { baseOf } from "../directory.ts";
import { DEFAULT_KEY } from "../selectKey.ts";
import { decryptDocument, protectedKeys } from "./decrypt.ts";
import { formatOf, notEncrypted, parseDocument, type SopsDocument } from "./document.ts";
import { type EncryptedFile, readEncrypted } from "./find.ts";
import { createOpener, isAge, type Opener } from "./opener.ts";

export interface AgeOptions {
  readonly name: string;
  /** Absolute. Nothing outside of it is read, whatever a path or a link says. */
  readonly directory: string;
  /** A copy, looked up each time: who replaces the file need not restart. Rejects with `config-invalid`. */
  readonly identity: () => Secret;
}

/** What was seen of a file at one version of it. */
interface Known {
  readonly version: Version;
  readonly keys: readonly string[];
}

export function createAgeProvider(options: AgeOptions): SecretProvider {
  const { name, directory } = options;
  const each = async <T>(
    requests: readonly SecretRequest[],
    ask: (found: EncryptedFile, version: Version, path: string) => Promise<T>,
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, T | DsoError>> => {
    signal.throwIfAborted();
    const base = await baseOf(name, directory);
    const askOne = async (request: SecretRequest): Promise<T> => {
      const found = await readEncrypted(base, request.path);
      return ask(found, versionOf(name, found, request), request.path);
    };
    return answerEach(requests, askOne, signal);
  };
  const look = remembering();
  return {
    name,
    versions: (requests, signal) =>
      each(requests, async (...seen) => (await look(...seen)).version, signal),
    keys: (requests, signal) =>
      each(requests, async (...seen) => (await look(...seen)).keys, signal),
    read: async (requests, signal) => {
      signal.throwIfAborted();
      const opener = await openerOf(options);
      const readOne = async (found: EncryptedFile, version: Version): Promise<SecretData> => ({
        version,
        values: await valuesOf(found, opener, signal),
      });
      return each(requests, readOne, signal);
    },
    check: () => healthOf(() => Promise.all([baseOf(name, directory), openerOf(options)])),
    close: () => Promise.resolve(),
  };
}

/** Looks into a file again when it is another one. */
function remembering(): (found: EncryptedFile, version: Version, path: string) => Promise<Known> {
  const known = new Map<string, Known>();
  return async (found, version, path) => {
    const before = known.get(path);
    if (before?.version === version) return before;
    const now = { version, keys: await keysOf(found) };
    known.set(path, now);
    return now;
  };
}

async function openerOf({ name, identity }: AgeOptions): Promise<Opener> {
  using held = identity();
  return await createOpener(name, held.reveal());
}

/** 16 bytes in hex of the hash of what is in the repository anyway: it tells nothing about the values. */
function versionOf(
  name: string,
  { bytes }: EncryptedFile,
  { path, pinned }: SecretRequest,
): Version {
  const version = createHash("sha256").update(bytes).digest("hex").slice(0, 32);
  if (pinned === undefined || pinned === version) return version;
  throw new DsoError(
    "secret-version-gone",
    `secret "${name}:${path}" is another one now, and older ones are in its repository alone`,
    { hint: "Make a new plan, or check out the commit that has it." },
  );
}

async function keysOf(found: EncryptedFile): Promise<readonly string[]> {
  const document = await documentOf(found);
  return document === undefined ? [DEFAULT_KEY] : protectedKeys(document);
}

/** Undefined for an age file. */
async function documentOf({ file, bytes }: EncryptedFile): Promise<SopsDocument | undefined> {
  if (isAge(bytes)) return undefined;
  if (file.endsWith(".age")) throw notEncrypted(file);
  return parseDocument(file, bytes, formatOf(file));
}

async function valuesOf(
  found: EncryptedFile,
  open: Opener,
  signal: AbortSignal,
): Promise<SecretData["values"]> {
  const document = await documentOf(found);
  if (document === undefined) {
    return new Map([[DEFAULT_KEY, new Secret(await open(found.file, found.bytes))]]);
  }
  const dataKey = await openFirst(found.file, document.metadata.dataKeys, open, signal);
  try {
    return decryptDocument(found.file, document, dataKey);
  } finally {
    dataKey.fill(0);
  }
}

/** SOPS seals each copy of a data key for one recipient. */
const MOST_SEALS = 4;

/** Each recipient has the same data key. Rejects as the last of them does, or with the signal's reason. */
async function openFirst(
  file: string,
  sealed: readonly string[],
  open: Opener,
  signal: AbortSignal,
): Promise<Buffer> {
  let fault: unknown;
  for (const one of sealed) {
    try {
      return await open(file, Buffer.from(one), MOST_SEALS);
    } catch (error) {
      fault = error;
    }
    // An attempt is work of the processor alone: without a pause nobody could abort.
    await pause();
    signal.throwIfAborted();
  }
  throw fault;
}
