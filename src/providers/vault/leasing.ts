import type { Clock } from "../../model/ports.ts";
import type { LeaseStore } from "../leases/store.ts";
import type { LeaseRecord } from "../leases/terms.ts";
import type { VaultApi } from "./api.ts";
import type { Issuing } from "./engines.ts";
import type { Login } from "./login.ts";
import type { VaultSession } from "./session.ts";

/** All that works with the leases of one provider. */
export interface Leasing extends Issuing {
  readonly api: VaultApi;
  readonly session: VaultSession;
  readonly login: Login;
  readonly store: LeaseStore;
  /** A hash of what is asked for to get that secret. */
  readonly askedFor: (path: string) => string;
  /** Who is asked, as a hash. */
  readonly server: string;
  readonly clock: Pick<Clock, "elapsed" | "now">;
}

/**
 * Issued by another server: dso.yaml names a new one since. Nothing of it is sent there, its token least of all;
 * it ends by itself.
 */
export function isForeign({ server }: Pick<Leasing, "server">, record: LeaseRecord): boolean {
  return record.server !== undefined && record.server !== server;
}
