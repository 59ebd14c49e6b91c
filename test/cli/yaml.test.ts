import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { renderYaml } from "../../src/cli/render/yaml.ts";
import type { Json } from "../../src/model/project.ts";

describe("YAML as Compose writes it", () => {
  it.each([
    ["web:1", "web:1"],
    ["yes", '"yes"'],
    ["n", '"n"'],
    ["1.50", '"1.50"'],
    ["0x1f", '"0x1f"'],
    ["1_1", '"1_1"'],
    ["22:22", '"22:22"'],
    ["2020-01-01", '"2020-01-01"'],
    ["", '""'],
    ["test:", "'test:'"],
    ["a: b", "'a: b'"],
    ["*.foo", "'*.foo'"],
    ["it's #1", "'it''s #1'"],
    ["it's", "it's"],
    ["a\tb", '"a\\tb"'],
    ["ü😀", '"ü\\U0001F600"'],
    ["a\nb", "|-\n  a\n  b"],
    ["a\n\nb\n", "|\n  a\n\n  b"],
    ["a\tb\nc", "|-\n  a\tb\n  c"],
    ["a\nb ", '"a\\nb "'],
    ["a\n\n", "|+\n  a\n"],
    [0.000001, "1e-06"],
    [null, "null"],
    [{}, "{}"],
    [[], "[]"],
  ])("%j is %s", (value, text) => {
    expect(renderYaml({ k: value })).toBe(`k: ${text}\n`);
  });

  it("indents lists, and begins a mapping of a list behind its dash", () => {
    const model = { on: [{ a: 1, b: ["x", ["y", { z: "1" }]] }], c: { d: { e: true } } };
    expect(renderYaml(model)).toBe(
      '"on":\n  - a: 1\n    b:\n      - x\n      - - "y"\n        - z: "1"\nc:\n  d:\n    e: true\n',
    );
  });

  it("is read as what was written", () => {
    const text = fc.oneof(
      fc.string({ unit: "binary" }).filter((each) => each.isWellFormed()),
      fc.string({ unit: fc.constantFrom(...Array.from(" \n\t:-#'\"{}[]|>&*!%@`?,0129.exyno~=<")) }),
    );
    const { json } = fc.letrec<{ json: Json }>((tie) => ({
      json: fc.oneof(
        { maxDepth: 4 },
        text,
        fc.constantFrom(null, true, false, 0, 1, 1.5, -3),
        fc.array(tie("json"), { maxLength: 4 }),
        fc.dictionary(text, tie("json"), { maxKeys: 4, noNullPrototype: true }),
      ),
    }));
    fc.assert(
      fc.property(json, (value) => {
        const written = renderYaml({ value });
        expect(parse(written)).toEqual({ value });
      }),
    );
  });
});
