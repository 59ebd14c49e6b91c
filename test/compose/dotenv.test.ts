import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseDotenv, parseRawEnv } from "../../src/compose/variables/dotenv.ts";
import { DsoError } from "../../src/model/errors.ts";

const outer: Readonly<Record<string, string>> = { OUTER: "from outside" };
const lookup = (name: string) => outer[name];

function read(text: string): Record<string, string> {
  const variables = parseDotenv(".env", text, lookup);
  return Object.fromEntries([...variables].map(([key, { value }]) => [key, value]));
}

function fault(work: () => unknown): DsoError {
  try {
    work();
  } catch (error) {
    if (error instanceof DsoError) return error;
    throw error;
  }
  throw new Error("no error");
}

describe("parseDotenv", () => {
  test.each([
    ["A=b", { A: "b" }],
    ["export A=b", { A: "b" }],
    ["A: b", { A: "b" }],
    ["A = b # note", { A: "b" }],
    ["A=b#c", { A: "b#c" }],
    ["A='$X \\n'", { A: "$X \\n" }],
    ['A="x\\ny\\t\\$Z"', { A: "x\ny\t$Z" }],
    ['A="one\ntwo"\nB=3', { A: "one\ntwo", B: "3" }],
    ['A="x" trailing\nB=1', { A: "x", B: "1" }],
    ["A=\"x\" B='y' # z\nexport\nC=1", { A: "x", B: "y", C: "1" }],
    ["A=1\nB=${A}2\nC=$B", { A: "1", B: "12", C: "12" }],
    ["A=$OUTER", { A: "from outside" }],
    ["OUTER\nMISSING\nB=1", { OUTER: "from outside", B: "1" }],
    ["# note\n\nA=1", { A: "1" }],
    ["\uFEFFA=1", { A: "1" }],
    ["A=1\r\nB=2\r\n", { A: "1", B: "2" }],
    ["A=", { A: "" }],
    ["A=1\nA=2", { A: "2" }],
    ["a.b-c[0]=1", { "a.b-c[0]": "1" }],
  ])("%j", (text, variables) => {
    expect(read(text)).toEqual(variables);
  });

  test.each([
    ["\nA B=1", "space", 2],
    ["A=1\n!X=1", "unexpected character", 2],
    ['A=1\nB="open', "does not end", 2],
    ["A='x'\"z\"", "unexpected character", 1],
    ["A=1\nexport ", "without a name", 2],
    ["A=${B:?set it}", "required: set it", 1],
    ["A=1\nB=a\0b", "NUL byte", 2],
    ['A=1\nB="a\\0000"', "NUL byte", 2],
  ])("%j is refused with its line", (text, message, line) => {
    const error = fault(() => read(text));
    expect(error.code).toBe("compose-invalid");
    expect(error.message).toContain(message);
    expect(error.position).toMatchObject({ file: ".env", line });
  });

  test("knows the line of each variable", () => {
    const variables = parseDotenv(".env", 'A="1\n2"\n# x\nB=3', lookup);
    expect([...variables.values()].map(({ line }) => line)).toEqual([1, 4]);
  });

  test("reads any value back from single quotes", () => {
    const value = fc.string().filter((text) => !/['\\\r\0]/.test(text));
    fc.assert(
      fc.property(value, (text) => {
        expect(read(`A='${text}'`)).toEqual({ A: text });
      }),
    );
  });
});

describe("parseRawEnv", () => {
  test("takes quotes and variables as they stand", () => {
    const variables = parseRawEnv("raw.env", "A=\"$X\"\n# note\n  B='1' # no note\nOUTER", lookup);
    const values = [...variables].map(([key, { value }]) => [key, value]);
    expect(Object.fromEntries(values)).toEqual({
      A: '"$X"',
      B: "'1' # no note",
      OUTER: "from outside",
    });
  });

  test("refuses a name with a space, and a NUL byte", () => {
    for (const text of ["A=1\nA B=1", "A=1\nA=b\0"]) {
      const { position } = fault(() => parseRawEnv("raw.env", text, lookup));
      expect(position).toMatchObject({ line: 2 });
    }
  });
});
