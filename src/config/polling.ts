import type { Config } from "./types.ts";

/** How often the store is asked whether that secret of it has changed, ms. */
export function pollingInterval(
  { agent, providers }: Pick<Config, "agent" | "providers">,
  provider: string,
  path: string,
): number {
  const polling = providers.get(provider)?.polling;
  const override = polling?.overrides.find(({ pattern }) => pattern.test(path));
  return override?.intervalMs ?? polling?.intervalMs ?? agent.watch.pollingIntervalMs;
}
