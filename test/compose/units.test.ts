import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  float32,
  parseBytes,
  parseGoDuration,
  showGoDuration,
  splitWords,
} from "../../src/compose/units.ts";
import { goFloat, resolvePlain } from "../../src/compose/yaml/scalars.ts";

describe("durations", () => {
  test.each([
    ["90s", "1m30s"],
    ["1.5s", "1.5s"],
    ["60m", "1h0m0s"],
    ["250ms", "250ms"],
    ["1us", "1µs"],
    ["0", "0s"],
    ["1d", "24h0m0s"],
    ["-1m", "-1m0s"],
  ])("%s is written %s", (text, shown) => {
    expect(showGoDuration(parseGoDuration(text) ?? -1n)).toBe(shown);
  });

  test.each(["30", "1m 30s", "abc", "5S", "", "."])("%j is none", (text) => {
    expect(parseGoDuration(text)).toBeUndefined();
  });

  test("what is written is read back", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 62n), max: 2n ** 62n }), (length) => {
        expect(parseGoDuration(showGoDuration(length))).toBe(length);
      }),
    );
  });
});

describe("sizes", () => {
  test.each([
    ["64m", 67108864],
    ["64MiB", 67108864],
    ["1.5g", 1610612736],
    ["512", 512],
    ["64 m", 67108864],
    ["0.5kb", 512],
  ])("%s is %d bytes", (text, size) => {
    expect(parseBytes(text)).toBe(size);
  });

  test.each(["m", "1,5g", "64Mi", "", "-1m"])("%j is none", (text) => {
    expect(parseBytes(text)).toBeUndefined();
  });
});

describe("command lines", () => {
  test.each([
    ["echo a  b", ["echo", "a", "b"]],
    ["sh -c 'x y'", ["sh", "-c", "x y"]],
    ['a "b c"d', ["a", "b cd"]],
    ["a\\ b", ["a b"]],
    ["a && b", ["a"]],
    ["a ''", ["a", ""]],
    ["x=$(date now) `y z`", ["x=$(date now)", "`y z`"]],
    ["", []],
  ])("%s", (line, words) => {
    expect(splitWords(line)).toEqual(words);
  });

  test("an open quote is no command line", () => {
    expect(splitWords("echo 'x")).toBeUndefined();
  });

  test("quoted words come out as they went in", () => {
    const word = fc.string().filter((text) => !text.includes("'"));
    fc.assert(
      fc.property(fc.array(word), (words) => {
        expect(splitWords(words.map((text) => `'${text}'`).join(" "))).toEqual(words);
      }),
    );
  });
});

describe("plain scalars", () => {
  test.each([
    ["0440", 288],
    ["1_000", 1000],
    ["0x1F", 31],
    ["0o17", 15],
    ["089", 89],
    ["1.50", 1.5],
    ["yes", "yes"],
    ["22:22", "22:22"],
    ["True", true],
    ["~", null],
    ["12:", "12:"],
  ])("%s is %j", (source, value) => {
    expect(resolvePlain(source)?.value).toBe(value);
  });

  test.each([
    ["0755", "493"],
    ["1e3", "1000"],
    ["100000000.0", "1e+08"],
    ["-0", "-0"],
    ["2020-01-01", "2020-01-01 00:00:00 +0000 UTC"],
    ["12345678901234567890", "12345678901234567890"],
  ])("%s as text is %s", (source, text) => {
    expect(resolvePlain(source)?.text).toBe(text);
  });

  test.each([".inf", "-.INF", ".nan"])("%s means nothing", (source) => {
    expect(resolvePlain(source)).toBeUndefined();
  });

  test("floats are read back from their text", () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
        expect(Number(goFloat(value))).toBe(value);
      }),
    );
  });

  test("32-bit floats are the shortest that are the same", () => {
    expect(float32(0.1)).toBe(0.1);
    fc.assert(
      fc.property(fc.float({ noNaN: true, noDefaultInfinity: true }), (value) => {
        // The sign of zero is not kept: JSON has none.
        expect(Math.fround(float32(value)) === value).toBe(true);
      }),
    );
  });
});
