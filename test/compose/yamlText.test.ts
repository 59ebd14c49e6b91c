import fc from "fast-check";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { parseYaml } from "../../src/compose/yaml/parse.ts";
import { toJson } from "../../src/compose/node.ts";
import { yamlText } from "../../src/compose/output/yamlText.ts";

test.each([
  ["a b", "a b"],
  ["", '""'],
  ["~", '"~"'],
  ["yes", '"yes"'],
  ["N", '"N"'],
  ["0o7", '"0o7"'],
  ["1e3", '"1e3"'],
  ["1e400", '"1e400"'],
  ["1_000", '"1_000"'],
  ["0b1", '"0b1"'],
  ["22:22", '"22:22"'],
  ["2020-01-01", '"2020-01-01"'],
  ["<<", '"<<"'],
  [".inf", '".inf"'],
  [" lead", "' lead'"],
  ["trail ", "'trail '"],
  ["a: b", "'a: b'"],
  ["x:", "'x:'"],
  ["a #b", "'a #b'"],
  ["'q'", "'''q'''"],
  ["--- a", "'--- a'"],
  ["- a", "'- a'"],
  ["-a", "-a"],
  ["a\\b", "a\\b"],
  ["é", "é"],
  ["a\tb", '"a\\tb"'],
  ["a\r\nb", '"a\\r\\nb"'],
  ["\u0007\u2028\ufeff🎉", '"\\a\\L\\uFEFF\\U0001F389"'],
  ["a\nb\n", "|\n  a\n  b"],
  ["a\n\nb", "|-\n  a\n\n  b"],
  ["a\nb\n\n", "|+\n  a\n  b\n"],
  [" a\nb", "|2-\n   a\n  b"],
  ["a \nb", '"a \\nb"'],
  ["1.50", '"1.50"'],
  ["0x1f", '"0x1f"'],
  ["*.foo", "'*.foo'"],
  ["it's #1", "'it''s #1'"],
  ["a\tb\nc", "|-\n  a\tb\n  c"],
  [0.000001, "1e-06"],
])("%j is written %s", (value, written) => {
  expect(yamlText(value)).toBe(written);
});

test("collections lie as Compose lays them", () => {
  expect(yamlText({ a: { b: ["x", { c: 1, d: [] }, [["y"]]], e: {} }, f: [null, true, 1.5] })).toBe(
    `a:
  b:
    - x
    - c: 1
      d: []
    - - - "y"
  e: {}
f:
  - null
  - true
  - 1.5`,
  );
});

test("what belongs to a key stands as far in as is asked for", () => {
  expect(yamlText({ a: { b: ["x", { c: 1, d: 2 }], e: " 1\n2" } }, 4)).toBe(
    `a:
    b:
        - x
        - c: 1
          d: 2
    e: |4-
         1
        2`,
  );
});

const word = fc.oneof(
  fc.string({ unit: "binary", maxLength: 8 }).filter((one) => !one.includes("\0")),
  fc.stringMatching(/^[-+?:.0-9_eExXobT \n\t#'"yn]{0,6}$/),
);
const words = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: "small" },
    word,
    fc.array(tie("value"), { maxLength: 3 }),
    tie("map"),
  ),
  map: fc.dictionary(word, tie("value"), { maxKeys: 3 }),
}));

test("what is written is read as the same, by Compose's rules and by those of YAML 1.2", async () => {
  await fc.assert(
    fc.asyncProperty(words.map, async (value) => {
      const text = `${yamlText({ value } as never)}\n`;
      const wanted = JSON.parse(JSON.stringify({ value })) as unknown;
      expect(parse(text, { merge: false })).toEqual(wanted);
      const [read] = await parseYaml("f", text);
      expect(read && toJson(read)).toEqual(wanted);
    }),
  );
});
