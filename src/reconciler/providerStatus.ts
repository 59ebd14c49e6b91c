import { DsoError } from "../model/errors.ts";
import type { ProviderHealth } from "../model/ports.ts";
import type { Context } from "./context.ts";

export interface ProviderStatus {
  readonly name: string;
  readonly type: string;
  /** It is asked by an agent at its own pace; others are looked at with the projects. */
  readonly remote: boolean;
  /** Why it is of no use now; undefined: it answers. */
  readonly error: DsoError | undefined;
}

/** One that does not answer at all holds nobody up longer. */
const PATIENCE_MS = 5000;

/**
 * Whether the stores of dso.yaml answer, all asked at once; no secret is asked for. The local vault is not
 * among them: it is a file, and opening it may ask for a passphrase.
 */
export function providerStatus(
  { config, providers }: Pick<Context, "config" | "providers">,
  signal: AbortSignal,
): Promise<readonly ProviderStatus[]> {
  const stores = [...config.providers.values()].filter(({ type }) => type !== "local");
  return Promise.all(
    stores.map(async ({ name, type, remote }) => {
      const limited = AbortSignal.any([signal, AbortSignal.timeout(PATIENCE_MS)]);
      const health = await check(() => providers.get(name), limited);
      signal.throwIfAborted();
      return { name, type, remote, error: health.ok ? undefined : health.error };
    }),
  );
}

async function check(
  open: () => ReturnType<Context["providers"]["get"]>,
  signal: AbortSignal,
): Promise<ProviderHealth> {
  try {
    return await (await open()).check(signal);
  } catch (error) {
    if (error instanceof DsoError) return { ok: false, error };
    if (!signal.aborted) throw error;
    const message = `no answer within ${PATIENCE_MS / 1000} s`;
    return { ok: false, error: new DsoError("provider-unreachable", message) };
  }
}
