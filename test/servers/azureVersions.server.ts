/** What Key Vault tells of versions, and what that costs; no value is read for any of it. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { SecretProvider } from "../../src/model/ports.ts";
import { never } from "../reconciler/world.ts";
import { type AzureScene, startAzure } from "./azureScene.ts";
import { values, version } from "./told.ts";

let scene: AzureScene;

beforeEach(async () => {
  scene = await startAzure();
});

afterEach(() => scene[Symbol.asyncDispose]());

/** What it says of each, in their order. */
async function told(
  provider: SecretProvider,
  names: readonly string[],
): Promise<readonly unknown[]> {
  const answers = await provider.versions(named(names), never);
  return names.map((name) => answers.get(name));
}

/** What is asked for by `work`. */
async function askedBy(work: () => Promise<unknown>): Promise<readonly string[]> {
  const before = scene.vault.asked.length;
  await work();
  return scene.vault.asked.slice(before);
}

const named = (names: readonly string[]): { readonly path: string }[] =>
  names.map((path) => ({ path }));

describe("a thousand secrets", () => {
  const names = Array.from({ length: 1000 }, (_, index) => `s${String(index).padStart(3, "0")}`);

  it("that are as they were cost the pages of one list, and a change one request more", async () => {
    const ids = names.map((name) => scene.put(name, `value of ${name}`));
    scene.vault.store.pass(60);
    const provider = scene.open();
    const poll = (): Promise<readonly unknown[]> => told(provider, names);
    const first = await askedBy(async () => expect(await poll()).toEqual(ids));
    expect(first).toHaveLength(1000);
    const again = await askedBy(async () => expect(await poll()).toEqual(ids));
    expect(again).toEqual(Array.from({ length: 40 }, () => "GET /secrets"));
    const newer = scene.put("s500", "another");
    const changed = await askedBy(async () => expect(await poll()).toEqual(ids.with(500, newer)));
    expect(changed.filter((one) => one !== "GET /secrets")).toEqual(["GET /secrets/s500/versions"]);
    expect(changed).toHaveLength(41);
    expect(scene.vault.valuesAsked()).toBe(0);
  });

  it("of which three are wanted cost three requests", async () => {
    for (const name of names) scene.put(name, "x");
    scene.vault.store.pass(60);
    const [provider, wanted] = [scene.open(), named(["s000", "s500", "s999"])];
    const poll = (): Promise<unknown> => provider.versions(wanted, never);
    await poll();
    // The list is tried once, and given up where it costs more than what it saves.
    expect((await askedBy(poll)).filter((one) => one === "GET /secrets")).toHaveLength(3);
    expect(await askedBy(poll)).toEqual(wanted.map(({ path }) => `GET /secrets/${path}/versions`));
  });
});

describe("with a list of few pages", () => {
  const names = ["a", "b", "c", "d"];
  const put = (): readonly string[] => names.map((name) => scene.put(name, `of ${name}`));

  it("empty pages are no end, certificates are passed by, and what is deleted is missing", async () => {
    put();
    for (let index = 0; index < 30; index++) {
      scene.put(`aa${index}`, "x");
      scene.vault.store.remove(scene.vault.store.find(`aa${index}`)!);
    }
    scene.put("ab", "x");
    Object.assign(scene.vault.store.find("ab")!, { managed: true });
    scene.vault.store.pass(60);
    const provider = scene.open();
    await provider.versions(named(names), never);
    const asked = await askedBy(() => provider.versions(named(names), never));
    expect(asked).toEqual(["GET /secrets", "GET /secrets"]);
    scene.vault.store.remove(scene.vault.store.find("b")!);
    expect(await told(provider, names)).toEqual([
      expect.any(String),
      expect.objectContaining({ code: "secret-missing" }),
      expect.any(String),
      expect.any(String),
    ]);
  });

  it("a version of the very second in which it was asked is seen", async () => {
    scene.vault.store.pace = 0;
    put();
    const provider = scene.open();
    const before = await provider.versions(named(names), never);
    const newer = scene.put("c", "newer");
    scene.vault.store.pass(60);
    const after = await provider.versions(named(names), never);
    expect(after.get("c")).toBe(newer);
    expect(after.get("a")).toBe(before.get("a"));
    expect((await provider.versions(named(names), never)).get("c")).toBe(newer);
  });

  it("what is disabled, and what expires as time passes, is told from the list alone", async () => {
    const { store } = scene.vault;
    put();
    store.put("d", { value: "x", attributes: { exp: store.now() + 3600 } });
    store.pass(60);
    const provider = scene.open();
    await provider.versions(named(names), never);
    await provider.versions(named(names), never);
    store.pass(7200);
    store.update(store.find("a")!.versions[0]!, { enabled: false });
    store.pass(60);
    await provider.versions(named(names), never);
    const asked = await askedBy(async () => {
      const answers = await provider.versions(named(names), never);
      expect(answers.get("a")).toMatchObject({
        code: "secret-denied",
        message: 'secret "azure:a" is disabled',
      });
      expect(answers.get("d")).toMatchObject({
        message: expect.stringContaining("has expired") as unknown,
      });
    });
    expect(asked).toEqual(["GET /secrets"]);
  });
});

describe("the newest version", () => {
  it("is the one of the latest second, though they come in no order", async () => {
    for (let index = 0; index < 60; index++) scene.put("often", String(index));
    const newest = scene.put("often", "last");
    expect(await version(scene.open(), { path: "often" })).toBe(newest);
  });

  it("is not guessed where two share a second, unless one of them was there before", async () => {
    scene.vault.store.pace = 0;
    const older = scene.put("twice", "1");
    const watching = scene.open();
    expect(await version(watching, { path: "twice" })).toBe(older);
    const newer = scene.put("twice", "2");
    for (let index = 0; index < 2; index++)
      expect(await version(watching, { path: "twice" })).toBe(newer);
    const both = [older, newer].sort().join(", ");
    expect(await version(scene.open(), { path: "twice" })).toMatchObject({
      code: "secret-conflict",
      message: `secret "azure:twice" has several versions of the same second (${both}), and Key Vault does not tell which is the newest`,
    });
    expect(await version(scene.open(), { path: "twice", pinned: older })).toBe(older);
  });
});

describe("what may not be used", () => {
  const day = 86_400;
  it.each([
    ["disabled", () => ({ enabled: false }), 'secret "azure:x" is disabled', "--enabled true"],
    ["expired", (now: number) => ({ exp: now - day }), /has expired \(2\d{3}-.*Z\)/, "--expires"],
    [
      "not valid yet",
      (now: number) => ({ nbf: now + day }),
      /is not valid before 2\d{3}/,
      "--not-before",
    ],
  ])("%s: is denied, whoever asks how", async (_, attributes, words, way) => {
    const { store } = scene.vault;
    const id = store.put("x", { value: "v", attributes: attributes(store.now()) }).id;
    const denied = {
      code: "secret-denied",
      message: typeof words === "string" ? words : (expect.stringMatching(words) as unknown),
      hint: expect.stringContaining(way) as unknown,
    };
    const provider = scene.open();
    for (const request of [{ path: "x" }, { path: "x", pinned: id }]) {
      expect(await version(provider, request)).toMatchObject(denied);
      expect(await values(provider, request)).toMatchObject(denied);
    }
  });

  it("the key of a certificate", async () => {
    scene.put("cert", "MII…");
    Object.assign(scene.vault.store.find("cert")!, { managed: true });
    for (const ask of [version, values]) {
      expect(await ask(scene.open(), { path: "cert" })).toMatchObject({
        code: "secret-denied",
        message: expect.stringContaining("is the key of a certificate") as unknown,
      });
    }
  });
});

describe("a secret that was there", () => {
  it("is asked for again before it is missing: what was brought back is late", async () => {
    const { store } = scene.vault;
    const id = scene.put("back", "v");
    const provider = scene.open();
    expect(await version(provider, { path: "back" })).toBe(id);
    const secret = store.find("back")!;
    store.remove(secret);
    expect(await version(provider, { path: "back" })).toMatchObject({ code: "secret-missing" });
    for (const ask of [version, values]) {
      Object.assign(secret, { deleted: undefined, unseen: 1 });
      expect(await ask(provider, { path: "back" })).not.toBeInstanceOf(Error);
    }
  });
});
