import { describe, expect, test } from "vitest";
import { DsoError } from "../../src/model/errors.ts";
import { parseReference } from "../../src/model/parseReference.ts";
import { readVersions } from "../../src/providers/versions.ts";
import { faultsOf, tell } from "../fakes/faults.ts";
import { createFakeProvider, registryOf } from "../fakes/provider.ts";

const known = { providers: new Set(["local", "vault", "plain"]), defaultProvider: "local" };
const signal = new AbortController().signal;

/** The references, each as if it stood on the line of its number. */
function wanted(...texts: readonly string[]) {
  return texts.map((text, index) => ({
    reference: parseReference(text, known),
    position: { file: "compose.yaml", line: index + 1, column: 1 },
  }));
}

const local = () =>
  createFakeProvider("local", {
    db: [{ password: "1" }, { password: "2" }],
    api: [{ value: "x" }],
  });
const vault = () => createFakeProvider("vault", { db: [{ a: "1" }] });

describe("a snapshot of versions", () => {
  test("one question for each provider, none for values, sorted answers", async () => {
    const [one, other] = [local(), vault()];
    const { versions, unversioned } = await readVersions(
      registryOf(one, other),
      wanted("dso://vault:db#a", "dso://db#password", "dso://api", "dsofile://db#password"),
      signal,
    );
    expect([...versions]).toEqual([
      ["local:api", "1"],
      ["local:db", "2"],
      ["vault:db", "1"],
    ]);
    expect(unversioned.size).toBe(0);
    expect(one.calls).toEqual(["versions db api"]);
    expect(other.calls).toEqual(["versions db"]);
  });

  test("a pinned version stands beside the current one", async () => {
    const { versions } = await readVersions(
      registryOf(local()),
      wanted("dso://db#password", "dso://db?version=1#password"),
      signal,
    );
    expect([...versions]).toEqual([
      ["local:db", "2"],
      ["local:db@1", "1"],
    ]);
  });

  test("a key that the secret has not, or that has to be named, is told where the names are known", async () => {
    const secrets = { db: [{ user: "u", password: "p" }], api: [{ value: "x" }] };
    const references = wanted("dso://db", "dso://db#passwort", "dso://db#user", "dso://api");
    const knowing = createFakeProvider("local", secrets, { tellsKeys: true });
    const faults = await faultsOf(() => readVersions(registryOf(knowing), references, signal));
    expect(faults.map(tell)).toEqual([
      'secret-missing 1:1 secret "local:db" has several keys (password, user) | Name one: local:db#password',
      'secret-missing 2:1 secret "local:db" has no key "passwort" (keys: password, user) | Did you mean "local:db#password"?',
    ]);
    expect(knowing.calls).toEqual(["versions db api", "keys db api"]);
    const mute = createFakeProvider("local", secrets);
    expect((await readVersions(registryOf(mute), references, signal)).versions.size).toBe(2);
  });

  test("a provider without versions says so", async () => {
    const plain = createFakeProvider("plain", { db: [{ a: "1" }] }, { unversioned: true });
    const found = await readVersions(registryOf(plain), wanted("dso://plain:db"), signal);
    expect([...found.unversioned]).toEqual(["plain:db"]);
    expect(found.versions.size).toBe(0);
  });

  test("no reference, no question", async () => {
    expect((await readVersions(registryOf(), [], signal)).versions.size).toBe(0);
  });
});

describe("what is told", () => {
  const refusals = async (registry: ReturnType<typeof registryOf>, ...texts: string[]) =>
    (await faultsOf(() => readVersions(registry, wanted(...texts), signal))).map(tell);

  test("everything at once: each secret at the first place that wants it, each provider", async () => {
    const down = createFakeProvider(
      "vault",
      {},
      {
        down: new DsoError("provider-unreachable", "vault does not answer"),
      },
    );
    expect(
      await refusals(
        registryOf(local(), down),
        "dso://vault:db",
        "dso://nowhere#a",
        "dso://nowhere#b",
        "dso://db?version=9#password",
      ),
    ).toEqual([
      'secret-missing 2:1 local has no secret "nowhere" | no hint',
      "secret-version-gone 4:1 db@9 is gone | no hint",
      "provider-unreachable nowhere vault does not answer | no hint",
    ]);
  });

  test("a path whose parent is a secret: the key is proposed", async () => {
    expect(await refusals(registryOf(local()), "dsofile://db/password")).toEqual([
      'secret-missing 1:1 local has no secret "db/password" | There is a secret "db": for its key "password" write dsofile://local:db#password.',
    ]);
    expect(await refusals(registryOf(local()), "dso://db/main#password")).toEqual([
      'secret-missing 1:1 local has no secret "db/main" | no hint',
    ]);
    expect(await refusals(registryOf(local()), "dso://nowhere/password")).toEqual([
      'secret-missing 1:1 local has no secret "nowhere/password" | no hint',
    ]);
  });

  test("a pinned version where the provider has none", async () => {
    const plain = createFakeProvider("plain", { db: [{ a: "1" }] }, { unversioned: true });
    expect(await refusals(registryOf(plain), "dso://plain:db?version=1")).toEqual([
      'reference-invalid 1:1 reference "dso://plain:db?version=1" pins a version, but provider "plain" has none | Drop ?version=….',
    ]);
  });

  test("an abort is no finding", async () => {
    const aborted = AbortSignal.abort(new Error("stop"));
    await expect(readVersions(registryOf(local()), wanted("dso://db"), aborted)).rejects.toThrow(
      "stop",
    );
  });
});
