/** What is rolled out is what the stores say now, whatever is remembered of them. */
import { referencesIn } from "../diff/delivered.ts";
import { type SecretId, secretIdOf } from "../model/reference.ts";
import type { Context } from "./context.ts";
import type { Opened } from "./load.ts";
import type { Run } from "./run.ts";
import type { Tracked } from "./tracked.ts";

/** Loads it with what the stores say of its secrets now: somebody waits for that. Rejects where one is away. */
export function afterNews(
  { cache }: Pick<Context, "cache">,
  tracked: Tracked,
  opened: Opened,
): Opened {
  const secrets = (tracked.registered?.secrets ?? []).map(secretIdOf);
  return {
    ...opened,
    load: async (signal) => {
      await cache?.ask(secrets, signal);
      return opened.load(signal);
    },
  };
}

/**
 * Before a version takes the place of another: the stores are asked whether it is the newest. A command may have
 * rolled out a newer one than was remembered. Answers whether they say something else; rejects where one is away.
 */
export async function hasNews(
  { cache }: Pick<Context, "cache">,
  { plan, desired }: Run,
  signal: AbortSignal,
): Promise<boolean> {
  const rotated = plan.changes.filter(({ reasons }) =>
    reasons.some(({ code }) => code === "secret_rotated"),
  );
  const services = new Set(rotated.map(({ name }) => name));
  const secrets = [...services].flatMap((name): readonly SecretId[] => {
    const service = desired.services.get(name);
    return service === undefined ? [] : referencesIn(service);
  });
  return cache !== undefined && secrets.length > 0 && (await cache.ask(secrets, signal));
}
