import { describe, expect, test } from "vitest";
import { DsoError } from "../../src/model/errors.ts";
import { parseReference } from "../../src/model/parseReference.ts";
import { readValues } from "../../src/providers/values.ts";
import { faultsOf, tell } from "../fakes/faults.ts";
import { createFakeProvider, registryOf, type FakeProvider } from "../fakes/provider.ts";

const known = { providers: new Set(["local", "vault"]), defaultProvider: "local" };
const limits = { maxSecretBytes: 20 };
const signal = new AbortController().signal;

const references = (...texts: readonly string[]) =>
  texts.map((text) => parseReference(text, known));

const SECRETS = {
  db: [
    { user: "app", password: "old" },
    { user: "app", password: "new" },
  ],
  only: [{ token: "the only one" }],
  both: [{ value: "the value", other: "another" }],
  empty: [{ value: "" }],
  large: [{ value: "x".repeat(21) }],
};
const VERSIONS = new Map([
  ["local:db", "2"],
  ["local:only", "1"],
]);

const local = () => createFakeProvider("local", SECRETS);

async function read(provider: FakeProvider, ...texts: string[]) {
  const values = await readValues(
    registryOf(provider),
    references(...texts),
    VERSIONS,
    limits,
    signal,
  );
  return Object.fromEntries([...values].map(([name, value]) => [name, value.reveal().toString()]));
}

function isDropped(secret: { reveal(): Buffer }): boolean {
  try {
    secret.reveal();
    return false;
  } catch {
    return true;
  }
}

describe("which value a reference means", () => {
  test("the key it names; else the only key, else the key value", async () => {
    const names = ["dso://db#password", "dso://db#user", "dso://only", "dso://both"];
    expect(await read(local(), ...names)).toEqual({
      "local:db#password": "new",
      "local:db#user": "app",
      "local:only": "the only one",
      "local:both": "the value",
    });
  });

  test("at the version of the snapshot, or at the one that it pins", async () => {
    const provider = local();
    await read(provider, "dso://db#password", "dso://db#user", "dso://both#value");
    expect(provider.calls).toEqual(["read db@2 both"]);
    expect(await read(local(), "dso://db?version=1#password")).toEqual({
      "local:db#password": "old",
    });
  });

  test("at the version that the snapshot has found for a name that is pinned", async () => {
    const provider = local();
    const wanted = references("dso://db?version=before#password");
    const snapshot = new Map([["local:db@before", "1"]]);
    const values = await readValues(registryOf(provider), wanted, snapshot, limits, signal);
    expect(values.get("local:db#password")?.reveal().toString()).toBe("old");
  });

  test("what no reference names is dropped at once", async () => {
    const provider = local();
    await read(provider, "dso://db#password");
    expect(provider.handedOut.map(isDropped)).toEqual([true, false]);
  });
});

describe("what is refused", () => {
  const refusals = async (provider: FakeProvider, ...texts: string[]) =>
    (await faultsOf(() => read(provider, ...texts))).map(tell);

  test.each([
    [
      "dso://db",
      'secret-missing nowhere secret "local:db" has several keys (password, user) | Name one: local:db#password',
    ],
    [
      "dso://db#pasword",
      'secret-missing nowhere secret "local:db" has no key "pasword" (keys: password, user) | Did you mean "local:db#password"?',
    ],
    [
      "dso://db/password",
      'secret-missing nowhere local has no secret "db/password" | There is a secret "db": for its key "password" write dso://local:db#password.',
    ],
    [
      "dso://empty",
      'secret-empty nowhere secret "local:empty" (key "value") is empty | Give it a value: an empty one is never delivered.',
    ],
    [
      "dso://large",
      'secret-too-large nowhere secret "local:large" (key "value") has 21 bytes, more than the 20 that are allowed | Make it smaller, or raise agent.cache.max_secret_size in dso.yaml.',
    ],
    ["dso://db?version=7#user", "secret-version-gone nowhere db@7 is gone | no hint"],
  ])("%s", async (text, told) => {
    expect(await refusals(local(), text)).toEqual([told]);
  });

  test("with the place that wants it", async () => {
    const position = { file: "compose.yaml", line: 4, column: 7 };
    const placed = references("dso://db#pasword").map((one) => ({ ...one, position }));
    const faults = await faultsOf(() =>
      readValues(registryOf(local()), placed, VERSIONS, limits, signal),
    );
    expect(faults.map((fault) => fault.position)).toEqual([position]);
  });

  test("all of it at once, and nothing that was read stays", async () => {
    const provider = local();
    const told = await refusals(provider, "dso://only", "dso://empty", "dso://nowhere", "dso://db");
    expect(told.map((line) => line.split(" ")[0])).toEqual([
      "secret-empty",
      "secret-missing",
      "secret-missing",
    ]);
    expect(provider.handedOut.length).toBe(4);
    expect(provider.handedOut.every(isDropped)).toBe(true);
  });

  test("a provider that is down takes the values of the others with it", async () => {
    const provider = local();
    const down = createFakeProvider(
      "vault",
      {},
      {
        down: new DsoError("provider-unreachable", "vault does not answer"),
      },
    );
    const faults = await faultsOf(() =>
      readValues(
        registryOf(provider, down),
        references("dso://only", "dso://vault:db"),
        VERSIONS,
        limits,
        signal,
      ),
    );
    expect(faults.map(tell)).toEqual([
      "provider-unreachable nowhere vault does not answer | no hint",
    ]);
    expect(provider.handedOut.map(isDropped)).toEqual([true]);
  });

  test("no error holds a value", async () => {
    const faults = await faultsOf(() => read(local(), "dso://db", "dso://large"));
    const text = JSON.stringify(faults.map((fault) => [fault.message, fault.hint, fault.stack]));
    expect(text).not.toContain("xxxx");
    expect(text).not.toMatch(/\bnew\b/);
  });
});
