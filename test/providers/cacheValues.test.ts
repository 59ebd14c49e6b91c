import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { abortable } from "../../src/lib/together.ts";
import { DsoError } from "../../src/model/errors.ts";
import type { SecretData, SecretProvider, SecretRequest } from "../../src/model/ports.ts";
import { requestKey } from "../../src/model/ports.ts";
import { createValues, type Values } from "../../src/providers/cache/values.ts";
import { createFakeProvider, type FakeProvider } from "../fakes/provider.ts";
import { never } from "../reconciler/world.ts";

const LIMITS = { ttlMs: 60_000, maxCacheBytes: 100, maxSecretBytes: 50 };
const A = { path: "a", pinned: "1" };
const B = { path: "b", pinned: "1" };

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
});
afterEach(() => {
  vi.useRealTimers();
});

const storeOf = (secrets: Record<string, string>): FakeProvider =>
  createFakeProvider(
    "vault",
    Object.fromEntries(Object.entries(secrets).map(([path, value]) => [path, [{ value }]])),
  );

async function text(
  values: Values,
  store: SecretProvider,
  request: SecretRequest,
  signal = never,
): Promise<string> {
  const found = (await values.read(store, [request], signal)).get(requestKey(request));
  if (found === undefined || found instanceof DsoError) throw found ?? new Error("no answer");
  const value = found.values.get("value")!;
  const read = value.reveal().toString();
  value.drop();
  return read;
}

/** What was read has come to rest in the memory. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(() => resolve()));

const overwritten = ({ handedOut }: FakeProvider): readonly boolean[] =>
  handedOut.map((secret) => {
    try {
      secret.reveal();
      return false;
    } catch {
      return true;
    }
  });

describe("values in memory", () => {
  it("are read once, whoever drops what it got", async () => {
    const [values, store] = [createValues(LIMITS), storeOf({ a: "one" })];
    expect(await text(values, store, A)).toBe("one");
    await settled();
    expect(await text(values, store, A)).toBe("one");
    expect(store.calls).toEqual(["read a@1"]);
    expect(values.usage()).toEqual({ entries: 1, bytes: 3, hits: 1, misses: 1 });
  });

  it("are overwritten when their time is over, whether or not somebody asks", async () => {
    const [values, store] = [createValues(LIMITS), storeOf({ a: "one" })];
    await text(values, store, A);
    await settled();
    vi.advanceTimersByTime(59_999);
    expect(overwritten(store)).toEqual([false]);
    vi.advanceTimersByTime(1);
    expect(overwritten(store)).toEqual([true]);
    expect(values.usage()).toMatchObject({ entries: 0, bytes: 0 });
    await text(values, store, A);
    expect(store.calls).toHaveLength(2);
  });

  it("are overwritten at the end, also what comes in only then", async () => {
    const [values, store] = [createValues(LIMITS), storeOf({ a: "one", b: "two" })];
    await text(values, store, A);
    await settled();
    const late = text(values, store, B);
    values.close();
    expect(await late).toBe("two");
    await settled();
    expect(overwritten(store)).toEqual([true, true]);
  });

  it("make room for newer ones, the one first that was not used for longest", async () => {
    const long = "x".repeat(40);
    const [values, store] = [createValues(LIMITS), storeOf({ a: long, b: long, c: long })];
    await text(values, store, A);
    await text(values, store, B);
    await settled();
    await text(values, store, A);
    await text(values, store, { path: "c", pinned: "1" });
    await settled();
    expect(values.usage()).toMatchObject({ entries: 2, bytes: 80 });
    expect(overwritten(store)).toEqual([false, true, false]);
    await text(values, store, A);
    expect(store.calls).toEqual(["read a@1", "read b@1", "read c@1"]);
  });

  it("are not kept where they are too large, or of no certain version", async () => {
    const [values, store] = [createValues(LIMITS), storeOf({ a: "x".repeat(51), b: "two" })];
    await text(values, store, A);
    await text(values, store, { path: "b" });
    await settled();
    expect(values.usage()).toMatchObject({ entries: 0, bytes: 0 });
    expect(overwritten(store)).toEqual([true, true]);
  });

  it("of two stores are two, though they have one path", async () => {
    const values = createValues(LIMITS);
    const other = { ...storeOf({ a: "two" }), name: "other" };
    expect(await text(values, storeOf({ a: "one" }), A)).toBe("one");
    await settled();
    expect(await text(values, other, A)).toBe("two");
  });

  it("keep no error", async () => {
    const [values, store] = [createValues(LIMITS), storeOf({})];
    for (let times = 0; times < 2; times++) {
      await expect(text(values, store, A)).rejects.toMatchObject({ code: "secret-missing" });
      await settled();
    }
    expect(store.calls).toHaveLength(2);
  });
});

/** One that answers when the test says so. */
function slow(store: FakeProvider): SecretProvider & {
  readonly answer: () => void;
  readonly signals: AbortSignal[];
} {
  const gate = Promise.withResolvers<undefined>();
  const signals: AbortSignal[] = [];
  const read = async (
    requests: readonly SecretRequest[],
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, SecretData | DsoError>> => {
    signals.push(signal);
    await abortable(gate.promise, signal);
    return store.read(requests, signal);
  };
  return { ...store, read, signals, answer: () => gate.resolve(undefined) };
}

describe("several who want one value at once", () => {
  it("wait for one request, and own what they get", async () => {
    const store = storeOf({ a: "one", b: "two" });
    const [values, provider] = [createValues(LIMITS), slow(store)];
    const asked = [text(values, provider, A), text(values, provider, A)];
    const both = values.read(provider, [A, B], never);
    provider.answer();
    expect(await Promise.all(asked)).toEqual(["one", "one"]);
    expect([...(await both).keys()].sort()).toEqual(["a@1", "b@1"]);
    expect(store.calls).toEqual(["read a@1", "read b@1"]);
  });

  it("do not suffer when one of them is told to stop; when all are, the request ends", async () => {
    const store = storeOf({ a: "one" });
    const [values, provider] = [createValues(LIMITS), slow(store)];
    const stops = [new AbortController(), new AbortController()];
    const asked = stops.map(({ signal }) => text(values, provider, A, signal));
    stops[0]!.abort(new Error("enough"));
    await expect(asked[0]).rejects.toThrow("enough");
    expect(provider.signals[0]?.aborted).toBe(false);
    stops[1]!.abort(new Error("enough"));
    await expect(asked[1]).rejects.toThrow("enough");
    expect(provider.signals.map(({ aborted }) => aborted)).toEqual([true]);
    provider.answer();
    expect(await text(values, provider, A)).toBe("one");
  });

  it("are all told where the store is of no use, and the next one asks again", async () => {
    let down: DsoError | undefined = new DsoError("provider-unreachable", "away");
    const store = storeOf({ a: "one" });
    const provider = {
      ...store,
      read: async (requests: readonly SecretRequest[], signal: AbortSignal) => {
        if (down !== undefined) throw down;
        return store.read(requests, signal);
      },
    };
    const values = createValues(LIMITS);
    const asked = [text(values, provider, A), text(values, provider, A)];
    for (const one of asked) {
      await expect(one).rejects.toMatchObject({ code: "provider-unreachable" });
    }
    down = undefined;
    expect(await text(values, provider, A)).toBe("one");
  });
});
