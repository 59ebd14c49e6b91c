import { createHash, randomBytes } from "node:crypto";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { ensurePrivateDirectory, readPrivateFile, writeFileAtomic } from "../../lib/files.ts";
import { acquireLock } from "../../lib/lock.ts";
import { DsoError } from "../../model/errors.ts";
import { erase, has, keep, kept } from "./memory.ts";
import type { Ledger, LeaseStore } from "./store.ts";
import { type Book, EMPTY, type LeaseRecord } from "./terms.ts";

export interface LeaseFilesOptions {
  readonly stateDir: string;
  readonly locksDir: string;
  /** A private directory in memory, which is made when it is first needed. */
  readonly memory: (signal: AbortSignal) => Promise<string>;
}

/** The store may be asked a few things under the lock, each with a deadline of its own. */
const PATIENCE_MS = 90_000;

/** One readable JSON file per provider, `leases-<provider>.json`, replaced as a whole; no values in it. */
export function createLeaseFiles(options: LeaseFilesOptions): LeaseStore {
  const { stateDir, locksDir } = options;
  const look = (provider: string): Promise<Book> => readBook(pathOf(stateDir, provider));
  return {
    look,
    isHeld: (record) => has(directoryOf(record), "values"),
    change: async (provider, work, signal) => {
      const lock = await acquireLock(
        join(locksDir, `leases-${provider}.lock`),
        { operation: `leases of provider ${provider}`, timeoutMs: PATIENCE_MS },
        signal,
      );
      try {
        const within = AbortSignal.any([signal, lock.signal]);
        return await work(ledgerOf(options, provider, await look(provider), within), within);
      } finally {
        await lock.release();
      }
    },
  };
}

function ledgerOf(
  { stateDir, memory }: LeaseFilesOptions,
  provider: string,
  found: Book,
  signal: AbortSignal,
): Ledger {
  let book = found;
  const path = pathOf(stateDir, provider);
  return {
    get book() {
      return book;
    },
    write: async (next) => {
      ensurePrivateDirectory(stateDir);
      if (Object.keys(next.secrets).length === 0) await rm(path, { force: true });
      else await writeFileAtomic(path, `${JSON.stringify(next, undefined, 2)}\n`);
      book = next;
    },
    place: async () => {
      // Several homes may share one directory in memory.
      const home = createHash("sha256").update(stateDir).digest("hex").slice(0, 16);
      return {
        id: randomBytes(16).toString("hex"),
        place: join(await memory(signal), "leases", home),
      };
    },
    keep: (record, part, values) => keep(directoryOf(record), part, values),
    kept: (record, part) => kept(directoryOf(record), part),
    erase: (record) => erase(directoryOf(record)),
  };
}

function pathOf(stateDir: string, provider: string): string {
  return join(stateDir, `leases-${provider}.json`);
}

function directoryOf({ id, place }: Pick<LeaseRecord, "id" | "place">): string {
  return join(place, id);
}

async function readBook(path: string): Promise<Book> {
  const bytes = await readPrivateFile(path);
  if (bytes === undefined) return EMPTY;
  try {
    const value: unknown = JSON.parse(bytes.toString("utf8"));
    if (isBook(value)) return value;
  } catch (cause) {
    throw corrupt(path, cause);
  }
  throw corrupt(path, undefined);
}

function isBook(value: unknown): value is Book {
  if (typeof value !== "object" || value === null) return false;
  const { v, secrets } = value as Partial<Record<keyof Book, unknown>>;
  if (v !== 1 || typeof secrets !== "object" || secrets === null) return false;
  return Object.values(secrets).every(isLine);
}

function isLine(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  const { last, records } = value as { readonly last?: unknown; readonly records?: unknown };
  if (typeof last !== "number" || !Array.isArray(records)) return false;
  return records.every(
    (one: Partial<LeaseRecord> | null) =>
      /^[0-9a-f]{32}$/.test(String(one?.id)) &&
      typeof one?.place === "string" &&
      typeof one.expiresAt === "number",
  );
}

function corrupt(path: string, cause: unknown): DsoError {
  return new DsoError("state-corrupt", `${path} cannot be read as a list of leases`, {
    hint: "Move it away: credentials that it names end by themselves, and containers get new ones.",
    cause,
  });
}
