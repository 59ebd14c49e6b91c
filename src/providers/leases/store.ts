/** Where leases are kept between runs, for all processes of this home. */
import type { Secret } from "../../model/secret.ts";
import type { Book, LeaseRecord } from "./terms.ts";

/** Name to value. */
export type Kept = ReadonlyMap<string, Secret>;

/** What is kept of a lease in memory, each by itself. */
export type Part = "values" | "token";

/**
 * What is known of leases lies on the disk, so that each is found and given back after a crash or a boot;
 * their values, and the tokens that they hang on, lie in memory alone. Rejects with `state-corrupt`,
 * `disk-full`, `memory-unsafe`.
 */
export interface LeaseStore {
  /** As it was written last. */
  look(provider: string): Promise<Book>;
  /** Its values are still in memory. */
  isHeld(record: LeaseRecord): boolean;
  /** Nobody else changes anything of the provider's leases meanwhile. Rejects with `locked`. */
  change<T>(
    provider: string,
    work: (ledger: Ledger, signal: AbortSignal) => Promise<T>,
    signal: AbortSignal,
  ): Promise<T>;
}

/** The provider's leases, in the hand of one who may change them. */
export interface Ledger {
  /** As it is now. */
  readonly book: Book;
  write(book: Book): Promise<void>;
  /** A new directory in memory. */
  place(): Promise<Pick<LeaseRecord, "id" | "place">>;
  keep(record: Pick<LeaseRecord, "id" | "place">, part: Part, values: Kept): Promise<void>;
  /** Copies, which the caller drops; undefined where memory has none. */
  kept(record: Pick<LeaseRecord, "id" | "place">, part: Part): Promise<Kept | undefined>;
  /** Overwrites and removes what memory has of it. */
  erase(record: Pick<LeaseRecord, "id" | "place">): Promise<void>;
}
