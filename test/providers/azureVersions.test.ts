/** Whatever happens in a Key Vault, and however seldom it is asked: what is told is its newest version. */
import fc from "fast-check";
import { expect, it } from "vitest";
import { DsoError } from "../../src/model/errors.ts";
import { requestKey } from "../../src/model/ports.ts";
import type { KeyVault, SecretInfo } from "../../src/providers/azure/keyVault.ts";
import { newestOf } from "../../src/providers/azure/newest.ts";
import { createVersionTable } from "../../src/providers/azure/versions.ts";
import { valuesOfText } from "../../src/providers/jsonValues.ts";
import { never } from "../reconciler/world.ts";

const NAMES = ["a", "b", "c", "d", "e"];
const START = Date.UTC(2030, 0, 1);

interface Model extends KeyVault {
  readonly write: (name: string) => void;
  /** Its newest version is said to be changed, without a new one. */
  readonly touch: (name: string) => void;
  readonly pass: (ms: number) => void;
  readonly newest: (name: string) => SecretInfo;
  /** Nobody can tell which of them it is. */
  readonly isUnclear: (name: string) => boolean;
  readonly asked: { lists: number; versions: number };
}

/** Two secrets to a page; times in whole seconds, as Key Vault has them. */
function model(): Model {
  const all = new Map<string, SecretInfo[]>();
  const asked = { lists: 0, versions: 0 };
  let now = START;
  let count = 0;
  const second = (): number => Math.floor(now / 1000) * 1000;
  const newest = (name: string): SecretInfo => all.get(name)!.at(-1)!;
  const write = (name: string): void => {
    // Their ids say nothing of their order.
    const version = String((++count * 7919) % 10_007).padStart(32, "0");
    const times = {
      created: second(),
      updated: second(),
      notBefore: undefined,
      expires: undefined,
    };
    const info = { name, version, ...times, enabled: true, managed: false };
    all.set(name, [...(all.get(name) ?? []), info]);
  };
  for (const name of NAMES) write(name);
  return {
    ...{ write, newest, asked },
    touch: (name) => all.get(name)!.splice(-1, 1, { ...newest(name), updated: second() }),
    pass: (ms) => (now += ms),
    isUnclear: (name) =>
      all.get(name)!.filter(({ created }) => created === newest(name).created).length > 1,
    serverTime: second,
    async *list() {
      for (const pair of [["a", "b"], ["c", "d"], [], ["e"]]) {
        asked.lists++;
        yield Promise.resolve(pair.map((name) => ({ ...newest(name), version: undefined })));
      }
    },
    versions: (name) => {
      asked.versions++;
      return Promise.resolve(all.get(name)!.toSorted((a, b) => (a.version! < b.version! ? -1 : 1)));
    },
    value: () => Promise.reject(new Error("a value was read")),
  };
}

async function poll(vault: Model, table: ReturnType<typeof tableOf>): Promise<void> {
  const wanted = NAMES.map((name) => [name, { path: name }] as const);
  const told = await table.unchanged(wanted, never);
  for (const [name, request] of wanted) {
    const answer =
      told.get(requestKey(request)) ??
      (await table.ask(name, request, never).catch((error: unknown) => error));
    if (answer instanceof DsoError && answer.code === "secret-conflict")
      expect(vault.isUnclear(name)).toBe(true);
    else expect(answer).toBe(vault.newest(name).version);
  }
}

const tableOf = (vault: Model): ReturnType<typeof createVersionTable> =>
  createVersionTable(
    vault,
    { provider: "azure", vault: new URL("https://v"), permission: "list" },
    { elapsed: () => 0 },
  );

const step = fc.oneof(
  fc.record({
    kind: fc.constantFrom("write" as const, "touch" as const),
    name: fc.constantFrom(...NAMES),
  }),
  fc.record({ kind: fc.constant("pass" as const), ms: fc.constantFrom(1, 400, 1000, 4000, 9000) }),
  fc.record({ kind: fc.constant("poll" as const) }),
);

it("is never an older version than the newest, whatever is done between two questions", () =>
  fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const vault = model();
      const table = tableOf(vault);
      for (const one of steps) {
        if (one.kind === "poll") await poll(vault, table);
        else if (one.kind === "pass") vault.pass(one.ms);
        else vault[one.kind](one.name);
      }
      await poll(vault, table);
    }),
    { numRuns: 300 },
  ));

it("asks for the list alone, once nothing has changed for a while", async () => {
  const vault = model();
  const table = tableOf(vault);
  vault.pass(10_000);
  await poll(vault, table);
  await poll(vault, table);
  expect(vault.asked).toEqual({ lists: 4, versions: 5 });
  vault.write("c");
  vault.pass(10_000);
  await poll(vault, table);
  await poll(vault, table);
  expect(vault.asked).toEqual({ lists: 12, versions: 6 });
  vault.touch("a");
  await poll(vault, table);
  expect(vault.asked).toEqual({ lists: 16, versions: 7 });
});

it("of several in one second is the only one that was not there before", () => {
  const of = (version: string): SecretInfo => ({
    ...{ name: "x", version, created: 5, updated: 5, enabled: true, managed: false },
    ...{ notBefore: undefined, expires: undefined },
  });
  const known = { version: "b", state: "5 5", together: new Set(["a", "b"]), settled: false };
  expect(newestOf([of("a"), of("b"), of("c")], known).info?.version).toBe("c");
  expect(newestOf([of("b"), of("a")], known).info?.version).toBe("b");
  expect(newestOf([of("a"), of("b"), of("c"), of("d")], known).info).toBeUndefined();
  expect(newestOf([of("a"), of("b")], undefined).info).toBeUndefined();
});

it("what looks like a map and is none is one value, to the letter", () => {
  for (const text of ["", " ", "[]", "null", "{", '{"a":1}}', "\ufeff{}", '"{}"']) {
    const values = valuesOfText(text);
    expect([...values.keys()]).toEqual(["value"]);
    expect(values.get("value")!.reveal().toString()).toBe(text);
  }
  expect([...valuesOfText(' {"__proto__": "x", "b": ""} ').keys()]).toEqual(["__proto__", "b"]);
});
