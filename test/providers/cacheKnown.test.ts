import { describe, expect, it } from "vitest";
import { DsoError } from "../../src/model/errors.ts";
import { requestKey, type SecretProvider } from "../../src/model/ports.ts";
import { createKnown, type Known } from "../../src/providers/cache/known.ts";
import { createFakeProvider, type FakeProvider } from "../fakes/provider.ts";
import { never } from "../reconciler/world.ts";

const MINUTE = 60_000;

interface Scene {
  readonly known: Known;
  readonly store: FakeProvider;
  readonly secrets: Record<string, Record<string, string>[]>;
  /** The store is of no use for that reason, until it is told otherwise. */
  readonly fail: (code?: "provider-unreachable" | "provider-throttled" | "config-invalid") => void;
  readonly pass: (ms: number) => void;
  /** What is told of the paths: a version, or the code of an error. */
  readonly told: (...paths: readonly string[]) => Promise<readonly unknown[]>;
}

function scene(maxAgeMs = 5 * MINUTE): Scene {
  let now = 0;
  let down: DsoError | undefined;
  const secrets: Scene["secrets"] = { a: [{ value: "1" }], b: [{ value: "1" }] };
  const store = createFakeProvider("vault", secrets);
  const provider: SecretProvider = {
    ...store,
    versions: async (requests, signal) => {
      const answers = await store.versions(requests, signal);
      if (down !== undefined) throw down;
      return answers;
    },
  };
  const sleep = (): Promise<never> => Promise.reject(new Error("nobody sleeps here"));
  const clock = { now: () => 1e12 + now, elapsed: () => now, sleep };
  const known = createKnown(provider, { clock, maxAgeMs: () => maxAgeMs });
  return {
    ...{ known, store, secrets },
    fail: (code) => (down = code && new DsoError(code, `it is ${code}`)),
    pass: (ms) => (now += ms),
    told: async (...paths) => {
      const answers = await known.versions(
        paths.map((path) => ({ path })),
        never,
      );
      return paths.map((path) => {
        const answer = answers.get(path);
        return answer instanceof DsoError ? answer.code : answer;
      });
    },
  };
}

describe("what a store has said", () => {
  it("is not asked again while it is new, and is afterwards", async () => {
    const { told, store, secrets, pass } = scene();
    expect(await told("a", "b")).toEqual(["1", "1"]);
    secrets["a"]!.push({ value: "2" });
    pass(4 * MINUTE);
    expect(await told("a", "b")).toEqual(["1", "1"]);
    expect(store.calls).toEqual(["versions a b"]);
    pass(2 * MINUTE);
    expect(await told("a")).toEqual(["2"]);
    expect(store.calls).toEqual(["versions a b", "versions a"]);
  });

  it("asks only for what is not known of a batch", async () => {
    const { told, store } = scene();
    await told("a");
    await told("a", "b");
    expect(store.calls).toEqual(["versions a", "versions b"]);
  });

  it("is asked again at once where somebody wants to know, or was told of a fault", async () => {
    const { told, store, secrets, known } = scene();
    await told("a");
    expect(await known.ask(["a"], never)).toBe(false);
    expect(await told("c")).toEqual(["secret-missing"]);
    secrets["c"] = [{ value: "1" }];
    expect(await told("c")).toEqual(["1"]);
    expect(store.calls).toEqual(["versions a", "versions a", "versions c", "versions c"]);
  });

  it.each(["provider-unreachable", "provider-throttled"] as const)(
    "holds on while the store is %s",
    async (code) => {
      const { told, fail, pass, known } = scene();
      await told("a");
      fail(code);
      pass(10 * MINUTE);
      expect(await told("a")).toEqual(["1"]);
      const { trouble, answeredAt, secrets } = known.contact();
      expect(trouble).toMatchObject({ since: 1e12 + 10 * MINUTE, error: { code } });
      expect(answeredAt).toBe(1e12);
      expect(secrets).toMatchObject([{ path: "a", version: "1", toldAt: 1e12 }]);
    },
  );

  it("holds for nothing that the store was never asked of, and for no other fault", async () => {
    const { told, fail, pass } = scene();
    await told("a");
    fail("provider-unreachable");
    pass(10 * MINUTE);
    await expect(told("a", "b")).rejects.toMatchObject({ code: "provider-unreachable" });
    fail("config-invalid");
    pass(10 * MINUTE);
    await expect(told("a")).rejects.toMatchObject({ code: "config-invalid" });
  });

  it("waits for a store that is away once, not in each pass", async () => {
    const { told, fail, pass, store } = scene();
    await told("a");
    fail("provider-unreachable");
    pass(10 * MINUTE);
    await told("a");
    pass(1000);
    await told("a");
    expect(store.calls).toHaveLength(2);
    pass(MINUTE);
    await told("a");
    expect(store.calls).toHaveLength(3);
  });

  it("ends with the outage: the trouble is over, and its beginning is that of the next", async () => {
    const { told, fail, pass, known } = scene();
    await told("a");
    fail("provider-unreachable");
    pass(10 * MINUTE);
    await told("a");
    pass(MINUTE);
    await told("a");
    expect(known.contact().trouble?.since).toBe(1e12 + 10 * MINUTE);
    fail();
    pass(MINUTE);
    await told("a");
    expect(known.contact()).toMatchObject({ trouble: undefined, answeredAt: 1e12 + 12 * MINUTE });
  });
});

describe("a poll", () => {
  it("asks whatever is known, and tells what is different now", async () => {
    const { known, secrets, told, store } = scene();
    expect(await known.poll(["a", "b"], never)).toEqual([]);
    expect(await known.poll(["a", "b"], never)).toEqual([]);
    secrets["b"]!.push({ value: "2" });
    expect(await known.poll(["a", "b"], never)).toEqual(["b"]);
    expect(await told("a", "b")).toEqual(["1", "2"]);
    expect(store.calls).toHaveLength(3);
  });

  it("tells of a secret that is gone, once, and of one that is back; its last version is kept", async () => {
    const { known, secrets } = scene();
    await known.poll(["a"], never);
    const versions = secrets["a"]!;
    delete secrets["a"];
    expect(await known.poll(["a"], never)).toEqual(["a"]);
    expect(await known.poll(["a"], never)).toEqual([]);
    expect(known.contact().secrets).toMatchObject([
      { path: "a", version: "1", error: { code: "secret-missing" } },
    ]);
    secrets["a"] = versions;
    expect(await known.poll(["a"], never)).toEqual(["a"]);
  });

  it("rejects while the store is away, and finds afterwards what has changed meanwhile", async () => {
    const { known, secrets, fail } = scene();
    await known.poll(["a"], never);
    fail("provider-unreachable");
    secrets["a"]!.push({ value: "2" });
    await expect(known.poll(["a"], never)).rejects.toMatchObject({ code: "provider-unreachable" });
    fail();
    expect(await known.poll(["a"], never)).toEqual(["a"]);
  });

  it("forgets what nobody uses any more", async () => {
    const { known } = scene();
    await known.poll(["a", "b"], never);
    known.retain(new Set(["b"]));
    expect(known.contact().secrets.map(({ path }) => path)).toEqual(["b"]);
  });
});

/** A store whose answers a test lets out, each with the version that it had when it was asked. */
function slow(): { known: Known; put: (version: string) => void; answer: (call: number) => void } {
  let current = "1";
  const gates: PromiseWithResolvers<undefined>[] = [];
  const provider: SecretProvider = {
    ...createFakeProvider("vault", {}),
    versions: async (requests) => {
      const [version, gate] = [current, Promise.withResolvers<undefined>()];
      gates.push(gate);
      await gate.promise;
      return new Map(requests.map((request) => [requestKey(request), version]));
    },
  };
  const sleep = (): Promise<never> => Promise.reject(new Error("nobody sleeps here"));
  const clock = { now: () => 0, elapsed: () => 0, sleep };
  return {
    known: createKnown(provider, { clock, maxAgeMs: () => MINUTE }),
    put: (version) => (current = version),
    answer: (call) => gates[call]?.resolve(undefined),
  };
}

describe("answers that cross", () => {
  it("count by when they were asked for: one that comes late is no news", async () => {
    const { known, put, answer } = slow();
    const slowPoll = known.poll(["a"], never);
    put("2");
    const asked = known.ask(["a"], never);
    answer(1);
    await asked;
    answer(0);
    expect(await slowPoll).toEqual([]);
    expect(await known.versions([{ path: "a" }], never)).toEqual(new Map([["a", "2"]]));
  });

  it("hide no news from those who were not there when one of them asked", async () => {
    const { known, told, secrets } = scene();
    await told("a");
    secrets["a"]!.push({ value: "2" });
    expect(await known.ask(["a"], never)).toBe(true);
    expect(await known.poll(["a"], never)).toEqual(["a"]);
    expect(await known.poll(["a"], never)).toEqual([]);
  });

  it("are told as they were, whoever forgets them meanwhile", async () => {
    const { known, answer } = slow();
    const first = known.versions([{ path: "a" }], never);
    answer(0);
    await first;
    const both = known.versions([{ path: "a" }, { path: "b" }], never);
    known.retain(new Set());
    answer(1);
    expect(await both).toEqual(
      new Map([
        ["a", "1"],
        ["b", "1"],
      ]),
    );
  });
});

it("what is pinned by a name is polled with its secret, and is news of it", async () => {
  const { known, store, secrets } = scene();
  const pinned = { path: "a", pinned: "1" };
  await known.versions([{ path: "a" }, pinned], never);
  delete secrets["a"];
  expect(await known.poll(["a"], never)).toEqual(["a"]);
  expect(store.calls.at(-1)).toBe("versions a a@1");
});

it("what one knew, the next one of the same store knows, too", async () => {
  const [before, after] = [scene(), scene()];
  await before.told("a");
  after.known.inherit(before.known);
  after.fail("provider-unreachable");
  after.pass(10 * MINUTE);
  expect(await after.told("a")).toEqual(["1"]);
});
