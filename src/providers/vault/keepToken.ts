import { DsoError } from "../../model/errors.ts";
import type { Tended } from "../../model/leases.ts";
import { isAlive } from "../leases/terms.ts";
import { field, numberField, textField } from "./api.ts";
import type { Leasing } from "./leasing.ts";

/** One without an end, or that may not ask about itself, is asked about again all the same. */
const SELDOM_MS = 3_600_000;
const SOONEST_MS = 500;
const NOTHING: Tended = { nextAt: undefined, faults: [] };

/**
 * Of leases that hang on a token that was given to us: it is renewed in time, though nothing else should be
 * asked with it. The session does that whenever it is used.
 */
export function keepToken(leasing: Leasing): {
  readonly tend: (signal: AbortSignal) => Promise<Tended>;
} {
  const { provider, store, clock, login, session } = leasing;
  let due = -Infinity;
  const look = async (signal: AbortSignal): Promise<number> => {
    const call = { method: "GET", path: "auth/token/lookup-self" } as const;
    const { body, status } = await session.tryCall(call, signal);
    const data = field(body, "data");
    if (status !== 200 || textField(data, "expire_time") === undefined) return SELDOM_MS;
    // Told in whole seconds: the last one is none.
    return Math.max(SOONEST_MS, ((numberField(data, "ttl") ?? 0) * 1000) / 3);
  };
  return {
    tend: async (signal) => {
      if (login.method !== "token") return NOTHING;
      const now = clock.now();
      const { secrets } = await store.look(provider);
      const hangs = Object.values(secrets).some(({ records }) =>
        records.some((record) => record.leaseId !== "" && isAlive(record, now)),
      );
      if (!hangs) return NOTHING;
      const since = clock.elapsed();
      try {
        if (since >= due) due = since + (await look(signal));
        return { nextAt: now + due - since, faults: [] };
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof DsoError)) throw error;
        return { nextAt: undefined, faults: [error] };
      }
    },
  };
}
