/** What goes over the wire to a plugin, without one. */
import { PassThrough } from "node:stream";
import fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import { DsoError } from "../../src/model/errors.ts";
import type { SecretRequest } from "../../src/model/ports.ts";
import { Secret } from "../../src/model/secret.ts";
import { askAbout, type Asking } from "../../src/providers/plugin/ask.ts";
import { type Calls, createCalls } from "../../src/providers/plugin/calls.ts";
import { readLines } from "../../src/providers/plugin/lines.ts";
import { createRestarts, type Restarts } from "../../src/providers/plugin/restarts.ts";
import type { Session } from "../../src/providers/plugin/session.ts";
import { dataOf } from "../../src/providers/plugin/told.ts";
import { createWatches } from "../../src/providers/plugin/watches.ts";
import { createWords } from "../../src/providers/plugin/words.ts";
import { never } from "../reconciler/world.ts";

test("lines are the same however they are cut in pieces, and overwritten behind the reader", () => {
  const text = fc.string({ unit: fc.constantFrom("a", "b", "\n", "ü") });
  const cut = fc.array(fc.nat(50));
  fc.assert(
    fc.property(text, cut, (said, places) => {
      const bytes = Buffer.from(said);
      const stream = new PassThrough();
      const heard: string[] = [];
      const kept: Buffer[] = [];
      const reader = {
        line: (line: Buffer) => void (heard.push(line.toString()), kept.push(line)),
        tooLong: () => expect.unreachable(),
      };
      const left = readLines(stream, 1000, reader);
      const ends = [...new Set(places)].sort((a, b) => a - b);
      let from = 0;
      for (const end of [...ends, bytes.length]) {
        stream.emit("data", Buffer.from(bytes.subarray(from, Math.max(from, end))));
        from = Math.max(from, end);
      }
      const lines = said.split("\n");
      expect(heard).toEqual(lines.slice(0, -1).filter(Boolean));
      expect(left()).toBe(Buffer.byteLength(lines.at(-1) ?? ""));
      expect(kept.every((line) => line.every((byte) => byte === 0))).toBe(true);
    }),
  );
});

describe("questions", () => {
  const setUp = (timeoutMs = 1000): { calls: Calls; sent: string[]; broken: string[] } => {
    const [sent, broken]: [string[], string[]] = [[], []];
    const busy = (): DsoError => new DsoError("provider-unreachable", "busy");
    const calls = createCalls({
      ...{ busy, timeoutMs, isMessage: () => true, changed: () => undefined },
      send: (line) => void sent.push(line),
      broken: (why) => void broken.push(why),
    });
    return { calls, sent, broken };
  };
  const reply = (calls: Calls, id: number): void =>
    calls.receive(Buffer.from(JSON.stringify({ jsonrpc: "2.0", id, result: id })));

  it("are asked one after the other, and each hears its own answer", async () => {
    const { calls, sent } = setUp();
    const asked = ["check", "read", "versions"] as const;
    const answers = Promise.all(asked.map((method) => calls.call(method, undefined, never)));
    for (const [index, method] of asked.entries()) {
      expect(sent.map((line) => (JSON.parse(line) as { method: string }).method)).toEqual(
        asked.slice(0, index + 1),
      );
      expect(sent.at(-1)).toBe(`{"jsonrpc":"2.0","id":${index + 1},"method":"${method}"}`);
      reply(calls, index + 1);
    }
    expect(await answers).toMatchObject([{ result: 1 }, { result: 2 }, { result: 3 }]);
  });

  it("that are answered twice break it", async () => {
    const { calls, broken } = setUp();
    const asked = calls.call("check", undefined, never);
    reply(calls, 1);
    await asked;
    reply(calls, 1);
    expect(broken).toEqual(["answered a question that nobody asked (id 1)"]);
  });

  it("that are given up before they are asked are not asked", async () => {
    const { calls, sent } = setUp();
    const first = calls.call("check", undefined, never);
    const stop = new AbortController();
    const second = calls.call("read", {}, stop.signal);
    stop.abort(new Error("enough"));
    await expect(second).rejects.toThrow("enough");
    reply(calls, 1);
    await first;
    expect(sent).toHaveLength(1);
  });

  it("that wait for too long say so, and the one that is answered late ends it", async () => {
    const { calls, broken } = setUp(20);
    const first = calls.call("check", undefined, never);
    await expect(calls.call("read", {}, never)).rejects.toThrow("busy");
    expect(broken).toEqual([`gave no answer to "check" within 0.02 s`]);
    calls.end(new DsoError("provider-unreachable", "over"));
    await expect(first).rejects.toThrow("over");
    await expect(calls.call("check", undefined, never)).rejects.toThrow("over");
  });
});

const forever = new Promise<never>(() => undefined);

/** As of a plugin that answers so. */
function askingOf(answer: (secrets: readonly SecretRequest[]) => object): Asking {
  const session = {
    words: { clean: (text: string) => text, learn: () => undefined },
    faultIn: () => undefined,
    call: (_: string, { secrets }: { secrets: SecretRequest[] }) =>
      Promise.resolve({ result: { secrets: answer(secrets) } }),
  } as unknown as Session;
  return {
    ...{ provider: "team", session: () => Promise.resolve(session), seen: new Set() },
    lag: () => Promise.resolve(),
  };
}

test("what every object has is no answer", async () => {
  const asked = askAbout(
    askingOf(() => ({})),
    "versions",
    [{ path: "__proto__" }],
    never,
  );
  await expect(asked).rejects.toThrow('its plugin says nothing about "__proto__"');
});

test("batches are cut, and no two of one path are in one call", async () => {
  const calls: string[][] = [];
  let answer: unknown = "unsupported";
  const asking = askingOf((secrets) => {
    calls.push(secrets.map(({ path }) => path));
    return Object.fromEntries(secrets.map(({ path }) => [path, answer] as const));
  });
  const requests = [
    { path: "a" },
    { path: "a", pinned: "1" },
    { path: "b" },
    { path: "__proto__" },
  ];
  const told = await askAbout(asking, "versions", requests, never);
  expect([...told.keys()].sort()).toEqual(["__proto__", "a", "a@1", "b"]);
  expect(calls).toEqual([["a", "b", "__proto__"], ["a"]]);
  calls.length = 0;
  const many = Array.from({ length: 120 }, (_, index) => ({ path: `s${index}` }));
  await askAbout(asking, "versions", many, never);
  answer = { values: {} };
  await askAbout(asking, "read", many.slice(0, 9), never);
  expect(calls.map(({ length }) => length)).toEqual([50, 50, 20, 4, 4, 1]);
});

test("one that was well for a minute is started again after the first wait", async () => {
  let now = 0;
  const ends: ((error: DsoError) => void)[] = [];
  const start = (): Promise<Session> => {
    const { promise: ended, resolve } = Promise.withResolvers<DsoError>();
    ends.push(resolve);
    return Promise.resolve({ ended, close: () => Promise.resolve() } as unknown as Session);
  };
  const restarts = createRestarts("team", start, { elapsed: () => now });
  const waits: number[] = [];
  for (const lived of [10, 10, 61_000]) {
    await restarts.current(never);
    now += lived;
    ends.at(-1)!(new DsoError("provider-unreachable", "ended"));
    await new Promise(setImmediate);
    waits.push(restarts.waitMs());
    await expect(restarts.current(never)).rejects.toThrow("ended");
    now += restarts.waitMs();
  }
  expect(waits).toEqual([1000, 2000, 1000]);
  await restarts.close();
  await expect(restarts.current(never)).rejects.toThrow("was ended with the rest of dso");
});

test("what is said over and over is told once a second", async () => {
  const session = { watches: true, call: () => Promise.resolve({ result: {} }), ended: forever };
  const restarts = { current: () => Promise.resolve(session), isClosed: () => false };
  let pass: () => void = () => undefined;
  const sleep = (): Promise<void> => new Promise((resolve) => (pass = resolve));
  const watches = createWatches("team", restarts as unknown as Restarts, { sleep });
  const stop = new AbortController();
  const told: string[] = [];
  const watching = watches.watch(["a", "b"], (path) => told.push(path), stop.signal);
  const flood = (...paths: string[]): void => {
    for (let count = 0; count < 1000; count++) paths.forEach(watches.changed);
  };
  flood("a", "b", "other");
  expect(told).toEqual(["a"]);
  for (let second = 0; second < 2; second++) {
    pass();
    await new Promise(setImmediate);
  }
  expect(told).toEqual(["a", "b", "a"]);
  flood("b");
  expect(told).toEqual(["a", "b", "a", "b"]);
  stop.abort(new Error("enough"));
  await expect(watching).rejects.toThrow("enough");
});

test.each([["a"], ["YQ"], ["YQ="], ["YQ==="], ["Y Q="], ["\u00fcQ=="]])(
  "%j is no base64",
  (text) => {
    const about = { provider: "team", path: "db", clean: (words: string) => words };
    expect(() => dataOf({ values: { value: text } }, { path: "db" }, about)).toThrow("base64");
  },
);

describe("last words", () => {
  const words = (): ReturnType<typeof createWords> =>
    createWords((text, values) =>
      [...values].reduce((said, value) => said.replaceAll(value.reveal().toString(), "*"), text),
    );

  it("are the last ones, on one line, without half a line at their beginning", () => {
    const one = words();
    const stream = new PassThrough();
    one.listen(stream);
    stream.emit("data", Buffer.from(`${"secret".repeat(2000)}\nthe end\n`));
    expect(one.last()).toBe("the end");
  });

  it("are none where all of them are one line that is too long", () => {
    const one = words();
    const stream = new PassThrough();
    one.listen(stream);
    for (let count = 0; count < 9; count++) stream.emit("data", Buffer.from("secret".repeat(200)));
    expect(one.last()).toBe("");
  });

  it("are shown without what is known, and no more once too much is", () => {
    const one = words();
    one.learn([new Secret(Buffer.from("s3cret"))]);
    expect(one.clean("it is s3cret")).toBe("it is *");
    one.learn([new Secret(Buffer.alloc(1024 * 1024, "x"))]);
    expect(one.clean("it is s3cret")).toBe("");
  });
});
