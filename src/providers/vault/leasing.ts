import type { Clock } from "../../model/ports.ts";
import type { LeaseStore } from "../leases/store.ts";
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
  readonly clock: Pick<Clock, "elapsed" | "now">;
}
