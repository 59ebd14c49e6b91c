/** SOPS documents: what we read of one is what SOPS itself reads, and nothing that somebody changed is read. */
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DsoError } from "../../src/model/errors.ts";
import type { SecretProvider } from "../../src/model/ports.ts";
import { never } from "../reconciler/world.ts";
import { type AgeScene, startAge } from "./ageScene.ts";
import { values } from "./told.ts";

let scene: AgeScene;
let provider: SecretProvider;

beforeAll(async () => {
  scene = await startAge();
  provider = scene.open();
});

afterAll(() => scene[Symbol.asyncDispose]());

const read = (path: string): Promise<unknown> => values(provider, { path });

/** In one batch: key to text, or what was said instead. */
async function allOf(paths: readonly string[]): Promise<readonly unknown[]> {
  const answers = await provider.read(
    paths.map((path) => ({ path })),
    never,
  );
  return [...answers.values()].map((one) => {
    if (one instanceof DsoError) return one;
    return Object.fromEntries(
      [...one.values].map(([key, value]) => [key, value.reveal().toString()]),
    );
  });
}

const YAML = `# a comment
text: plain
unicode: "ü€😀 \\u2028 <&>"
lines: |
  a
    b
"key with: colon": x
number: 5
big: 9223372036854775807
negative: -3
yes: true
no: false
none: null
empty: ""
date: 2020-01-02
dateless: "2020-01-02"
nested:
  # inside
  port: 5432
  hosts: [a, "b", 3, true, null, ""]
  deep: { "10": x, "9": y, map: {}, list: [] }
  mixed:
    # at the beginning of a list
    - { k: v } # at its end
    - [1, [2]]
plain_unencrypted: seen by all
plainer_unencrypted: { a: [1, 1.5e10, true, null, x], b: 2020-01-02 }
`;

const JSON_TEXT = `{
  "2": "two", "1": "one", "text": "a\\u00e9\\ud83d\\ude00\\/\\"\\n", "number": 5, "yes": false, "none": null,
  "empty": "", "nested": { "9": [1, { "b": "c" }, []], "8": {}, "e": 1.5 },
  "small_unencrypted": 1e-7, "large_unencrypted": 12345678901234567890, "huge_unencrypted": 1e300
}`;

const DOTENV = `# a comment
A=1
B=two words
EMPTY=
LINES=a\\nb
QUOTED="q"
EQUALS=x=y
 SPACED= s
Ü=ü
G_unencrypted=plain
`;

/** As the house delivers what a document has. */
function delivered(document: Buffer): unknown {
  const tree = JSON.parse(document.toString()) as Record<string, unknown>;
  const text = (value: unknown): string =>
    typeof value === "string" ? value : value === null ? "" : JSON.stringify(value);
  return Object.fromEntries(Object.entries(tree).map(([key, value]) => [key, text(value)]));
}

/** Numbers beyond a double keep their digits with us, and no order of keys is lost. */
function parsed(found: unknown): unknown {
  return Object.fromEntries(
    Object.entries(found as Record<string, string>).map(([key, text]) => {
      if (!/^[[{]|^-?[\d.]+$/.test(text)) return [key, text];
      return [key, JSON.stringify(JSON.parse(text))];
    }),
  );
}

describe("is read as SOPS reads it", () => {
  const both = async (name: string): Promise<readonly [unknown, unknown]> => [
    parsed(await read(name)),
    parsed(delivered(scene.decrypted(name, "json"))),
  ];

  it("YAML", async () => {
    await scene.sops("all.yaml", YAML);
    const [ours, theirs] = await both("all.yaml");
    expect(ours).toEqual(theirs);
  });

  it("JSON", async () => {
    await scene.sops("all.json", JSON_TEXT);
    const [ours, theirs] = await both("all.json");
    expect(ours).toEqual(theirs);
  });

  it("dotenv", async () => {
    await scene.sops("all.env", DOTENV);
    const [ours, theirs] = await both("all.env");
    expect(ours).toEqual(theirs);
  });

  it("any bytes", async () => {
    const bytes = Buffer.from(Array.from({ length: 2000 }, (_, index) => (index * 7) % 256));
    await scene.sops("all.p12", bytes);
    const { values: found } = (await provider.read([{ path: "all.p12" }], never)).get(
      "all.p12",
    ) as {
      values: ReadonlyMap<string, { reveal(): Buffer }>;
    };
    expect([...found.keys()]).toEqual(["value"]);
    expect(found.get("value")?.reveal()).toEqual(bytes);
    expect(scene.decrypted("all.p12")).toEqual(bytes);
  });

  it.each([
    ["--encrypted-regex", "^(data|password)$"],
    ["--unencrypted-regex", "^(kind|name)$"],
    ["--encrypted-suffix", "ata"],
    ["--unencrypted-suffix", "ind"],
  ])("with %s %s", async (...option) => {
    const text = "kind: Secret\nname: n\ndata: { password: p, empty: '' }\n# plain\nn: 1.5\n";
    await scene.sops("some.yaml", text, ...option);
    const [ours, theirs] = await both("some.yaml");
    expect(ours).toEqual(theirs);
  });

  it("with a comment that leaves a value plain", async () => {
    const rule = `age: ${scene.mine.recipient}, unencrypted_comment_regex: plain`;
    await scene.sopsBy("comment.yaml", "a: 1\n# plain\nb: [x, 1.5]\n", rule);
    const [ours, theirs] = await both("comment.yaml");
    expect(ours).toEqual(theirs);
  });

  it("with a MAC over encrypted values alone: what it does not prove is not given", async () => {
    const text =
      "kind: Secret\ndata: { p: x, q: [y] }\nhole: { data: { p: x, empty: '' } }\nboth: { data: d, name: n }\nnone:\n";
    const rule = `age: ${scene.mine.recipient}, mac_only_encrypted: true, encrypted_regex: ^data$`;
    await scene.sopsBy("only.yaml", text, rule);
    expect(await read("only")).toEqual({ data: '{"p":"x","q":["y"]}' });
    const keys = await provider.keys?.([{ path: "only" }], never);
    expect(keys?.get("only")).toEqual(["data"]);
    const changed = (await readFile(scene.place("only.yaml"), "utf8")).replace("data:\n", "data: ");
    await writeFile(scene.place("only.yaml"), changed.replace(/data: +p: ENC.*/, "data: x"));
    expect(await read("only")).toMatchObject({ code: "secret-denied" });
  });
});

it("says which keys cannot be had: of several groups", async () => {
  const groups = [scene.mine, scene.other].map(({ recipient }) => `{ age: [${recipient}] }`);
  for (const name of ["groups.yaml", "groups.env"]) {
    await scene.sopsBy(
      name,
      name === "groups.env" ? "a=1" : "a: 1",
      `key_groups: [${groups.join()}], shamir_threshold: 2`,
    );
    expect(await read(name)).toMatchObject({
      code: "secret-denied",
      message: expect.stringContaining("(key_groups), which is not supported") as string,
    });
  }
});

it("gives numbers with the digits that SOPS encrypted", async () => {
  await scene.sops(
    "n.yaml",
    "e: 1.5e10\nz: 1.50\ntiny: 1e-7\nbig: 9223372036854775807\ninf: .inf\nl: [1.5e10, 0x1f]",
  );
  expect(await read("n")).toEqual({
    ...{ e: "15000000000", z: "1.5", tiny: "0.0000001", big: "9223372036854775807" },
    ...{ inf: "+Inf", l: "[15000000000,31]" },
  });
  await scene.sops("n.json", '{"e":1.5e10,"z":1.50,"big":9223372036854775807,"l":[1e21]}');
  expect(await read("n.json")).toEqual({
    ...{ e: "15000000000", z: "1.5", big: "9223372036854776000", l: "[1000000000000000000000]" },
  });
});

describe("what somebody has changed", () => {
  /** Each byte of the file, changed: gives what was read besides errors. */
  const flipped = async (name: string): Promise<readonly unknown[]> => {
    const bytes = await readFile(scene.place(name));
    const paths = [...bytes.keys()].map((index) => `flipped/${index}-${name}`);
    await mkdir(scene.place("flipped"));
    for (const [index, path] of paths.entries()) {
      const changed = Buffer.from(bytes);
      changed[index]! ^= index % 2 === 0 ? 0x01 : 0x20;
      await writeFile(scene.place(path), changed);
    }
    const answers = await allOf(paths);
    await rm(scene.place("flipped"), { recursive: true });
    expect(answers.filter((one) => one instanceof DsoError).length).toBeGreaterThan(
      bytes.length / 2,
    );
    return answers.filter((one) => !(one instanceof DsoError && one.code === "secret-denied"));
  };

  it.each([
    ["flip.age", []],
    ["flip.armored.age", ["-a"]],
  ])("in %s, at whatever byte, gives no other value", async (name, options) => {
    await scene.age(name, Buffer.from("the value"), ...options);
    const found = new Set((await flipped(name)).map((one) => JSON.stringify(one)));
    found.delete(JSON.stringify({ value: "the value" }));
    expect([...found]).toEqual([]);
  });

  it.each([
    ["flip.yaml", "a: [x, 1]\n"],
    ["flip.env", "A=x\n"],
  ])("in %s, at whatever byte, gives no other value", async (name, text) => {
    await scene.sops(name, text);
    const before = JSON.stringify(await read(name));
    const found = new Set((await flipped(name)).map((one) => JSON.stringify(one)));
    found.delete(before);
    expect([...found]).toEqual([]);
  });

  it("is found wherever it is cut short", async () => {
    await scene.age("cut.age", Buffer.from("the value"));
    await scene.sops("cut.json", '{"a":"one","b":"two"}');
    for (const name of ["cut.age", "cut.json"]) {
      const bytes = await readFile(scene.place(name));
      for (let length = 0; length < bytes.length - 1; length += 5) {
        await writeFile(scene.place(name), bytes.subarray(0, length));
        expect(await read(name), `${name} ${length}`).toMatchObject({ code: "secret-denied" });
      }
    }
  });

  it("is found where values were moved, taken away, added or made plain", async () => {
    await scene.sops("moved.yaml", "a: one\nb: two\nlist: [x, y]\nempty: ''\n");
    const text = await readFile(scene.place("moved.yaml"), "utf8");
    const [a = "", b = "", list = "", x = "", y = ""] = text.split("\n");
    const swapped = (first: string, second: string): string =>
      text.replace(first, "\0").replace(second, first).replace("\0", second);
    const changes = {
      keys: text.replace("a: ENC", "\0").replace("b: ENC", "a: ENC").replace("\0", "b: ENC"),
      order: swapped(a, b),
      items: swapped(x, y),
      gone: text.replace(`${b}\n`, ""),
      list: text.replace([list, x, y].join("\n"), "list: []"),
      copied: text.replace(b, a.replace("a:", "b:")),
      plain: text.replace(a, "a: three"),
      added: `c: three\n${text}`,
      emptied: text.replace(a, 'a: ""'),
      filled: text.replace('empty: ""', "empty: full"),
      comment: text.replace(x, x.replace("type:str", "type:comment")),
      alias: text.replace(a, `${a}\nc: &here d\ne: *here`),
      twice: text.replace(a, `${a}\n${a}`),
      later: text.replace(/lastmodified: "\d+/, 'lastmodified: "1999'),
      macless: text.replace(/ {4}mac: .*\n/, ""),
    };
    for (const [what, changed] of Object.entries(changes)) {
      expect(changed, what).not.toBe(text);
      await writeFile(scene.place("moved.yaml"), changed);
      expect(await read("moved"), what).toMatchObject({ code: "secret-denied" });
    }
    await writeFile(scene.place("moved.yaml"), text);
    expect(await read("moved")).toMatchObject({ a: "one" });
    await rm(scene.place("moved.yaml"));
  });
});
