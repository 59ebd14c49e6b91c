/** Credentials that a store issues for a time: who holds them keeps them alive, and gives them back. */
import type { DsoError } from "./errors.ts";
import type { Version } from "./version.ts";

export interface Lease {
  readonly path: string;
  /** Its generation, as references are told it: `g7`. */
  readonly version: Version;
  /** No later one was issued. */
  readonly newest: boolean;
  /** Milliseconds since the epoch; a renewal moves it. 0: the store has none such any more. */
  readonly expiresAt: number;
  /** When its values were last read, milliseconds since the epoch: whoever did may be about to deliver them. */
  readonly readAt: number;
}

/** What one look at all leases of a store came to. */
export interface Tended {
  /** When to look again, milliseconds since the epoch; undefined: there is nothing to look after. */
  readonly nextAt: number | undefined;
  readonly faults: readonly DsoError[];
}

/** What DSO holds of a store, whichever of its processes got it. None of this reads a value. */
export interface Leases {
  list(): Promise<readonly Lease[]>;
  /** Renews what it is time to renew. What cannot live longer is then told by its next version. */
  tend(signal: AbortSignal): Promise<Tended>;
  /**
   * Gives it back to the store, and forgets it; false where somebody has read it since it was listed.
   * Rejects as a provider does, and then it is listed on.
   */
  end(lease: Lease, signal: AbortSignal): Promise<boolean>;
}
