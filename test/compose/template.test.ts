import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { escapeTemplate, substitute } from "../../src/compose/variables/template.ts";

const env: Readonly<Record<string, string>> = { SET: "value", EMPTY: "", OTHER: "other" };
const lookup = (name: string) => env[name];

describe("substitute", () => {
  test.each([
    ["$SET", "value"],
    ["${SET}", "value"],
    ["a$SET-b", "avalue-b"],
    ["$UNSET", ""],
    ["${UNSET:-d}", "d"],
    ["${EMPTY:-d}", "d"],
    ["${EMPTY-d}", ""],
    ["${UNSET-d}", "d"],
    ["${SET:+alt}", "alt"],
    ["${EMPTY:+alt}", ""],
    ["${EMPTY+alt}", "alt"],
    ["${UNSET+alt}", ""],
    ["${UNSET:-${OTHER:-x}}", "other"],
    ["${UNSET:-a}}", "a}"],
    ["${SET:?must}", "value"],
    ['${SET:-{"a":{"b":1}}}', "value"],
    ['${UNSET:-{"a":1}}', '{"a":1}'],
    ["${SET:-{}}.}", "value"],
    ["${SET?{${}}", "value"],
    ["$$SET", "$SET"],
    ["$$$SET", "$value"],
    ["cost $5", "cost $5"],
    ["end $", "end $"],
    ["${UNSET:-a:-b?c}", "a:-b?c"],
  ])("%s becomes %s", (template, text) => {
    expect(substitute(template, lookup).text).toBe(text);
  });

  test.each([
    "${1}",
    "${a.b}",
    "${",
    "${SET",
    "${}",
    "${SET:}",
    "${SET%x}",
    "${A:-${B}",
    "${ SET}",
  ])("%s is no template", (template) => {
    expect(substitute(template, lookup).fault).toContain("not a valid variable");
  });

  test("a required variable without a value is a fault that carries the message", () => {
    expect(substitute("${UNSET:?needs $OTHER}", lookup).fault).toBe(
      "the variable UNSET is required: needs other",
    );
    expect(substitute("${EMPTY:?x}", lookup).fault).toContain("EMPTY");
    expect(substitute("${EMPTY?x}", lookup).fault).toBeUndefined();
  });

  test("says which variables were missing and whether any went in", () => {
    expect(substitute("$UNSET $$", lookup)).toMatchObject({ missing: ["UNSET"], used: true });
    expect(substitute("plain $$", lookup)).toMatchObject({ missing: [], used: false });
  });

  test("gives back any text that was escaped", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom("$", "{", "}", "A", ":", "-", "é") }),
        (text) => {
          expect(substitute(escapeTemplate(text), lookup)).toEqual({
            text,
            missing: [],
            used: false,
          });
        },
      ),
    );
  });

  test("puts any value in as it is", () => {
    fc.assert(
      fc.property(fc.string(), (value) => {
        expect(substitute("<${V}>", () => value).text).toBe(`<${value}>`);
      }),
    );
  });
});
