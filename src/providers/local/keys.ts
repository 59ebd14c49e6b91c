import { argon2, type Argon2Parameters, randomBytes } from "node:crypto";
import { realpathSync } from "node:fs";
import { dirname } from "node:path";
import { promisify } from "node:util";
import { createFileAtomic, ensurePrivateDirectory, readPrivateFile } from "../../lib/files.ts";
import { combine, DsoError } from "../../model/errors.ts";
import type { Secret } from "../../model/secret.ts";
import { derive, open, randomKey, seal, type Sealed } from "./envelope.ts";

/** How hard a passphrase is to try. Memory in KiB. */
export interface PassphraseCost {
  readonly memory: number;
  readonly passes: number;
  readonly parallelism: number;
}

/** The vault's data key, encrypted with what opens the vault. */
export type Wrap =
  | (Sealed & { readonly kind: "key-file"; readonly salt: string })
  | (Sealed & PassphraseCost & { readonly kind: "passphrase"; readonly salt: string });

/** What opens a vault: a key file, or a passphrase asked for when it is needed. */
export interface KeySources {
  readonly vaultFile: string;
  readonly keyFile: string;
  /** Absent: nobody can be asked. The vault drops the answer. */
  readonly passphrase?: (signal: AbortSignal) => Promise<Secret>;
  readonly passphraseCost?: PassphraseCost;
}

const KEY_FILE = /^dso-vault-key-1 ([A-Za-z0-9+/]{43}=)\n?$/;
const DEFAULT_COST: PassphraseCost = { memory: 65_536, passes: 3, parallelism: 1 };
/** A vault file is input: it must not make us take all memory, or all day. */
const MAX_COST: PassphraseCost = { memory: 1_048_576, passes: 20, parallelism: 16 };

/** Wraps the data key for the passphrase where there is one, else for the key file, made if missing. */
export async function wrapDataKey(
  dataKey: Buffer,
  vaultId: string,
  sources: KeySources,
  signal: AbortSignal,
): Promise<Wrap> {
  const salt = randomBytes(16).toString("base64");
  if (sources.passphrase === undefined) {
    const fileKey = (await readKeyFile(sources)) ?? (await createKeyFile(sources));
    const kind = "key-file";
    return {
      kind,
      salt,
      ...sealWith(fileKeyToWrapKey(fileKey, salt), [vaultId, kind, salt], dataKey),
    };
  }
  const cost = sources.passphraseCost ?? DEFAULT_COST;
  const key = await stretch(sources.passphrase, salt, cost, signal);
  const context = [vaultId, "passphrase", salt, cost.memory, cost.passes, cost.parallelism];
  return { kind: "passphrase", salt, ...cost, ...sealWith(key, context, dataKey) };
}

/** The data key, from the first of the vault's wraps that what is at hand opens. */
export async function unlockDataKey(
  wraps: readonly Wrap[],
  vaultId: string,
  sources: KeySources,
  signal: AbortSignal,
): Promise<Buffer> {
  const failures: DsoError[] = [];
  for (const wrap of wraps) {
    try {
      return await unwrapDataKey(wrap, vaultId, sources, signal);
    } catch (error) {
      if (!(error instanceof DsoError) || error.code !== "vault-key") throw error;
      failures.push(error);
    }
  }
  throw combine(failures);
}

/** Rejects with `vault-key` when what is at hand does not open the vault. */
async function unwrapDataKey(
  wrap: Wrap,
  vaultId: string,
  sources: KeySources,
  signal: AbortSignal,
): Promise<Buffer> {
  if (wrap.kind === "key-file") {
    const fileKey = await readKeyFile(sources);
    if (fileKey === undefined) throw noKeyFile(sources);
    const key = fileKeyToWrapKey(fileKey, wrap.salt);
    const dataKey = openWith(key, [vaultId, wrap.kind, wrap.salt], wrap);
    if (dataKey === undefined) throw wrongKey(sources, `the key file ${sources.keyFile}`);
    return dataKey;
  }
  if (sources.passphrase === undefined) throw noPassphrase(sources);
  const key = await stretch(sources.passphrase, wrap.salt, wrap, signal);
  const context = [vaultId, wrap.kind, wrap.salt, wrap.memory, wrap.passes, wrap.parallelism];
  const dataKey = openWith(key, context, wrap);
  if (dataKey === undefined) throw wrongKey(sources, "the passphrase");
  return dataKey;
}

async function readKeyFile(sources: KeySources): Promise<Buffer | undefined> {
  const text = await readPrivateFile(sources.keyFile).catch((cause: unknown) => {
    if (!(cause instanceof DsoError)) throw cause;
    const detail = cause.hint === undefined ? { cause } : { cause, hint: cause.hint };
    throw new DsoError("vault-key", `the vault's key file is not safe: ${cause.message}`, detail);
  });
  if (text === undefined) return undefined;
  refuseBesideVault(sources);
  const encoded = KEY_FILE.exec(text.toString("latin1"))?.[1];
  text.fill(0);
  if (encoded === undefined) {
    throw new DsoError("vault-key", `${sources.keyFile} is no key file of DSO`, {
      hint: "Name the right one, or put it back from a backup.",
    });
  }
  return Buffer.from(encoded, "base64");
}

async function createKeyFile(sources: KeySources): Promise<Buffer> {
  ensurePrivateDirectory(dirname(sources.keyFile));
  refuseBesideVault(sources);
  const key = randomKey();
  await createFileAtomic(sources.keyFile, `dso-vault-key-1 ${key.toString("base64")}\n`);
  return key;
}

/** Whoever copies the vault's directory must not get the key with it. */
function refuseBesideVault(sources: KeySources): void {
  const [key, vault] = [sources.keyFile, sources.vaultFile].map((path) =>
    realpathSync.native(dirname(path)),
  );
  if (key !== vault) return;
  throw new DsoError("vault-key", `the key file ${sources.keyFile} lies beside the vault`, {
    hint: "Move it to a directory of its own, for example ~/.config/dso/vault.key.",
  });
}

function fileKeyToWrapKey(fileKey: Buffer, salt: string): Buffer {
  const key = derive(fileKey, salt, "dso vault 1: wrap");
  fileKey.fill(0);
  return key;
}

async function stretch(
  ask: (signal: AbortSignal) => Promise<Secret>,
  salt: string,
  cost: PassphraseCost,
  signal: AbortSignal,
): Promise<Buffer> {
  for (const limit of ["memory", "passes", "parallelism"] as const) {
    if (cost[limit] > MAX_COST[limit]) {
      throw new DsoError("vault-key", `the vault asks for too much ${limit} (${cost[limit]})`, {
        hint: `At most ${MAX_COST[limit]} is accepted.`,
      });
    }
  }
  using passphrase = await ask(signal);
  const parameters: Argon2Parameters = {
    message: passphrase.reveal(),
    nonce: Buffer.from(salt, "base64"),
    tagLength: 32,
    ...{ memory: cost.memory, passes: cost.passes, parallelism: cost.parallelism },
  };
  return await promisify(argon2)("argon2id", parameters);
}

function sealWith(key: Buffer, context: readonly unknown[], dataKey: Buffer): Sealed {
  const sealed = seal(key, ["dso-vault-wrap", 1, ...context], dataKey);
  key.fill(0);
  return sealed;
}

function openWith(key: Buffer, context: readonly unknown[], wrap: Sealed): Buffer | undefined {
  const dataKey = open(key, ["dso-vault-wrap", 1, ...context], wrap);
  key.fill(0);
  return dataKey;
}

function wrongKey(sources: KeySources, what: string): DsoError {
  return new DsoError("vault-key", `${what} does not open the vault ${sources.vaultFile}`, {
    hint: "The vault itself is undamaged: try again with the right one.",
  });
}

function noKeyFile(sources: KeySources): DsoError {
  return new DsoError("vault-key", `the vault's key file ${sources.keyFile} is missing`, {
    hint: "Put it back from a backup: without it nobody can read the vault.",
  });
}

function noPassphrase(sources: KeySources): DsoError {
  return new DsoError("vault-key", `the vault ${sources.vaultFile} wants a passphrase`, {
    hint: "Run the command on a terminal, where it is asked for, or name a file that holds it in DSO_VAULT_PASSPHRASE_FILE.",
  });
}
