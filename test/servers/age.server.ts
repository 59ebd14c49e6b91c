/** The provider of age against files that the real programs encrypt. */
import { chmod, copyFile, mkdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { SecretProvider } from "../../src/model/ports.ts";
import { byValue } from "../../src/providers/byValue.ts";
import { describeProvider, type Traits } from "../providers/contract.ts";
import { never } from "../reconciler/world.ts";
import { type AgeScene, startAge } from "./ageScene.ts";
import { credential } from "./vaultScene.ts";
import { values, version } from "./told.ts";

const TRAITS: Traits = {
  ...{ versioned: true, keepsOlder: false, binary: true, holdsEmpty: true },
  names: ["db/password", "other", "a b", "ü/€", "x#y", "..data/token", ".hidden"],
};

type Put = (scene: AgeScene, path: string, value: Uint8Array) => Promise<void>;

const contract = (what: string, ending: string, put: Put, traits = TRAITS): void => {
  const store = async () => {
    const scene = await startAge();
    return {
      provider: scene.open(),
      put: (path: string, value: Uint8Array) => put(scene, path, value),
      remove: (path: string) => rm(scene.place(path + ending), { force: true }),
      [Symbol.asyncDispose]: () => scene[Symbol.asyncDispose](),
    };
  };
  describeProvider(what, store, traits);
};

contract("age", ".age", (scene, path, value) => scene.age(`${path}.age`, value));
contract("age, armored", ".age", (scene, path, value) => scene.age(`${path}.age`, value, "-a"));
contract("SOPS, binary", "", (scene, path, value) => scene.sops(path, value));
contract(
  "SOPS, YAML",
  ".yaml",
  (scene, path, value) =>
    scene.sops(`${path}.yaml`, JSON.stringify({ password: Buffer.from(value).toString() })),
  { ...TRAITS, binary: false },
);

let scene: AgeScene;
let provider: SecretProvider;

beforeAll(async () => {
  scene = await startAge();
  provider = scene.open();
});

afterAll(() => scene[Symbol.asyncDispose]());

const read = (path: string, from = provider): Promise<unknown> => values(from, { path });

describe("which file a path means", () => {
  it("is that of the name, or the only one with an ending", async () => {
    await scene.age("one.age", Buffer.from("1"));
    await scene.sops("two.yml", "a: b");
    await scene.sops("three.json", '{"a":"b"}');
    await scene.sops("four.env", "A=b");
    await scene.age("five.json.age", Buffer.from('{"a":1}'));
    expect(await read("one")).toEqual({ value: "1" });
    expect(await read("one.age")).toEqual({ value: "1" });
    expect(await read("two")).toEqual({ a: "b" });
    expect(await read("two.yml")).toEqual({ a: "b" });
    expect(await read("three")).toEqual({ a: "b" });
    expect(await read("four")).toEqual({ A: "b" });
    expect(await read("five.json")).toEqual({ value: '{"a":1}' });
  });

  it("is none of several", async () => {
    await scene.age("both.age", Buffer.from("1"));
    await scene.sops("both.yaml", "a: b");
    const ambiguous = {
      code: "secret-denied",
      message: expect.stringContaining("may be any of both.age, both.yaml") as string,
    };
    expect(await read("both")).toMatchObject(ambiguous);
    expect(await version(provider, { path: "both" })).toMatchObject(ambiguous);
    expect(await read("both.yaml")).toEqual({ a: "b" });
  });

  it("is none that a link finds elsewhere, and no directory", async () => {
    const outside = `${scene.mine.file}.age`;
    await scene.age("inside.age", Buffer.from("x"));
    await copyFile(scene.place("inside.age"), outside);
    await symlink(outside, scene.place("link.age"));
    await symlink("inside.age", scene.place("fine.age"));
    await mkdir(scene.place("folder.age"));
    expect(await read("link")).toMatchObject({ code: "secret-denied" });
    expect(await read("fine")).toEqual({ value: "x" });
    expect(await read("folder")).toMatchObject({ code: "secret-missing" });
    expect(await read("../mine.txt")).toMatchObject({ code: "secret-denied" });
  });

  it("is none that nobody encrypted", async () => {
    await writeFile(scene.place("plain.yaml"), "password: p\n");
    await writeFile(scene.place("plain.env"), "PASSWORD=p\n");
    await writeFile(scene.place("plain.age"), "p\n");
    await writeFile(scene.place("plain"), Buffer.from([0xff, 0xfe]));
    for (const path of ["plain.yaml", "plain.env", "plain.age", "plain"]) {
      const said = {
        code: "secret-denied",
        message: expect.stringMatching(/is not encrypted/) as string,
      };
      expect(await read(path), path).toMatchObject(said);
      expect(await version(provider, { path }), path).toMatchObject(said);
    }
  });
});

describe("a plan", () => {
  it("needs no identity, and sees the names of the keys", async () => {
    await scene.sops("keys.yaml", "user: u\npassword: p\nnested: { a: b }\n# why\n");
    await scene.age("keyless.age", Buffer.from("x"));
    const blind = scene.open({ identity_env: "NOT_SET" });
    const paths = [{ path: "keys" }, { path: "keyless" }];
    expect([...(await blind.versions(paths, never)).values()]).toEqual([
      expect.stringMatching(/^[0-9a-f]{32}$/),
      expect.stringMatching(/^[0-9a-f]{32}$/),
    ]);
    const keys = await blind.keys?.(paths, never);
    expect(keys?.get("keys")).toEqual(["user", "password", "nested"]);
    expect(keys?.get("keyless")).toEqual(["value"]);
    await expect(blind.read(paths, never)).rejects.toMatchObject({ code: "config-invalid" });
  });

  it("has the same version for the same commit, and another one for what was encrypted again", async () => {
    await scene.sops("v.yaml", "a: b");
    const first = await version(provider, { path: "v" });
    const copy = await readFile(scene.place("v.yaml"));
    await scene.sops("v.yaml", "a: b");
    expect(await version(provider, { path: "v" })).not.toBe(first);
    await writeFile(scene.place("v.yaml"), copy);
    expect(await version(scene.open(), { path: "v" })).toBe(first);
  });
});

it("tells by value, where that is asked for, that what was encrypted again is the same", async () => {
  const told = byValue(provider, () => Promise.resolve(Buffer.alloc(32, 7)));
  await scene.sops("again.yaml", "a: b");
  const first = await version(told, { path: "again" });
  await scene.sops("again.yaml", "a: b");
  expect(await version(told, { path: "again" })).toBe(first);
  expect(await values(told, { path: "again", pinned: String(first) })).toEqual({ a: "b" });
  await scene.sops("again.yaml", "a: c");
  expect(await version(told, { path: "again" })).not.toBe(first);
});

describe("the identity", () => {
  it("is the one of dso.yaml, or the one that SOPS would take", async () => {
    await scene.age("id.age", Buffer.from("x"));
    const text = await readFile(scene.mine.file, "utf8");
    const home = scene.place("..");
    await mkdir(`${home}/.config/sops/age`, { recursive: true });
    const ways = [
      scene.open({ identity: credential(text) }),
      scene.open({ identity_env: "KEY" }, { KEY: text }),
      scene.open({}, { SOPS_AGE_KEY: text }),
      scene.open({}, { SOPS_AGE_KEY_FILE: scene.mine.file }),
      scene.open({}, { HOME: home }),
      scene.open({}, { HOME: "/nowhere", XDG_CONFIG_HOME: `${home}/.config` }),
    ];
    expect(await ways[4]?.check(never)).toMatchObject({
      ok: false,
      error: { code: "config-invalid" },
    });
    await copyFile(scene.mine.file, `${home}/.config/sops/age/keys.txt`);
    for (const way of ways) expect(await read("id", way)).toEqual({ value: "x" });
  });

  it("may be one of several, and of several recipients", async () => {
    await scene.age("mine.age", Buffer.from("m"));
    await scene.age("theirs.age", Buffer.from("t"), "-r", scene.other.recipient);
    await scene.sops(
      "theirs.yaml",
      "a: t",
      "--age",
      `${scene.other.recipient},${scene.mine.recipient}`,
    );
    await scene.sops("others.yaml", "a: o", "--age", scene.other.recipient);
    const all = `${scene.mine.file}.all`;
    const texts = await Promise.all(
      [scene.other.file, scene.mine.file].map((file) => readFile(file)),
    );
    await writeFile(all, Buffer.concat(texts), { mode: 0o600 });
    const both = scene.open({ identity_file: all });
    expect(await read("mine", both)).toEqual({ value: "m" });
    expect(await read("others", both)).toEqual({ a: "o" });
    expect(await read("theirs.age")).toEqual({ value: "t" });
    expect(await read("theirs.yaml")).toEqual({ a: "t" });
    expect(await read("others")).toMatchObject({
      code: "secret-denied",
      message: expect.stringMatching(
        /is not encrypted for the identity of provider "age"$/,
      ) as string,
      hint: `Encrypt it again for ${scene.mine.recipient} as well.`,
    });
  });

  it("is refused where others can read it", async () => {
    const open = `${scene.mine.file}.open`;
    await copyFile(scene.mine.file, open);
    for (const mode of [0o640, 0o604]) {
      await chmod(open, mode);
      expect(await scene.open({ identity_file: open }).check(never)).toMatchObject({
        error: { code: "config-invalid", hint: `chmod 600 ${open}` },
      });
    }
  });
});
