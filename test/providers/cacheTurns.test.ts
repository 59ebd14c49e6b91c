import { expect, it } from "vitest";
import { DsoError } from "../../src/model/errors.ts";
import type { SecretProvider } from "../../src/model/ports.ts";
import { createCache } from "../../src/providers/cache/cache.ts";
import { createFakeProvider } from "../fakes/provider.ts";
import { never } from "../reconciler/world.ts";

/** A store that answers when it is let, and a cache before it. */
function scene() {
  const store = createFakeProvider("vault", { a: [{ value: "1" }], b: [{ value: "1" }] });
  const answering = Promise.withResolvers<undefined>();
  const provider: SecretProvider = {
    ...store,
    versions: async (requests, signal) => {
      const answers = await store.versions(requests, signal);
      await answering.promise;
      return answers;
    },
  };
  const clock = { now: () => 1e12, elapsed: () => 0, sleep: () => Promise.resolve() };
  const limits = { ttlMs: 1000, maxCacheBytes: 1000, maxSecretBytes: 100 };
  const cache = createCache({ clock, limits, intervalMs: () => 60_000 });
  const cached = cache.around(provider, { type: "vault", byValue: false, settings: {} });
  const ask = async (signal: AbortSignal, ...paths: readonly string[]) => {
    const answers = await cached.versions(
      paths.map((path) => ({ path })),
      signal,
    );
    return paths.map((path) => answers.get(path));
  };
  return { store, answering, ask };
}

it("two who ask at once ask once, and the second only for what is its own", async () => {
  const { store, answering, ask } = scene();
  const asked = [ask(never, "a"), ask(never, "a"), ask(never, "a", "b")];
  answering.resolve(undefined);
  expect(await Promise.all(asked)).toEqual([["1"], ["1"], ["1", "1"]]);
  expect(store.calls).toEqual(["versions a", "versions b"]);
});

it("whoever waits for another's answer may leave, and the other hears it", async () => {
  const { store, answering, ask } = scene();
  const [first, leaving] = [ask(never, "a"), new AbortController()];
  const second = ask(leaving.signal, "a");
  leaving.abort(new Error("enough"));
  await expect(second).rejects.toThrow("enough");
  answering.resolve(undefined);
  expect(await first).toEqual(["1"]);
  expect(store.calls).toEqual(["versions a"]);
});

it("what failed for one is asked again by the other", async () => {
  const { store, answering, ask } = scene();
  const asked = [ask(never, "a"), ask(never, "a")];
  answering.reject(new DsoError("provider-unreachable", "it is silent"));
  const outcomes = await Promise.allSettled(asked);
  expect(outcomes.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  expect(store.calls).toEqual(["versions a", "versions a"]);
});
