import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createScrubber, dropControls } from "../../src/apply/scrub.ts";
import { Secret } from "../../src/model/secret.ts";

const scrubberOf = (...values: string[]) =>
  createScrubber(values.map((value) => new Secret(Buffer.from(value))));

describe("scrub", () => {
  const value = 'p@ss w/rd"<x>\n&é';

  test.each([
    ["as it is", value],
    ["base64", Buffer.from(value).toString("base64")],
    ["base64url", Buffer.from(value).toString("base64url")],
    ["hex", Buffer.from(value).toString("hex")],
    ["hex, upper case", Buffer.from(value).toString("hex").toUpperCase()],
    ["JSON", JSON.stringify(value).slice(1, -1)],
    [
      "JSON as Go writes it",
      JSON.stringify(value)
        .slice(1, -1)
        .replace(/[<>&]/g, (c) => `\\u00${c.charCodeAt(0).toString(16)}`),
    ],
    ["URL", encodeURIComponent(value)],
    ["form", new URLSearchParams({ a: value }).toString().slice(2)],
    ["its first line", 'p@ss w/rd"<x>'],
  ])("hides it %s", (_, form) => {
    const shown = scrubberOf(value).scrub(`before ${form} after`);
    expect(shown).toMatch(/^before .*\[secret\].* after$/s);
    expect(shown).not.toContain(form);
  });

  test("hides it within a longer text that was encoded as a whole", () => {
    for (const user of ["a", "ab", "abc"]) {
      const header = Buffer.from(`${user}:correct-horse-battery`).toString("base64");
      expect(scrubberOf("correct-horse-battery").scrub(header)).toContain("[secret]");
    }
  });

  test("hides a long value before a short one that is a part of it", () => {
    expect(scrubberOf("horse", "horsepower").scrub("a horsepower b")).toBe("a [secret] b");
  });

  test("hides a very short value only where it stands alone", () => {
    expect(scrubberOf("ab").scrub("ab cab ab,")).toBe("[secret] cab [secret],");
  });

  test("hides a value that control characters cut in two", () => {
    expect(scrubberOf("hunter2").scrub("hun\u001b[31mter2 hunt\u0000er2")).toBe(
      "[secret] [secret]",
    );
  });

  test("no value of four bytes or more survives in any text", () => {
    const anyValue = fc.string({ unit: "grapheme", minLength: 4, maxLength: 30 });
    fc.assert(
      fc.property(anyValue, fc.string(), fc.string(), (secret, before, after) => {
        // Parts of what is shown in its place would be found again in it.
        fc.pre(!"[secret]".includes(secret));
        expect(scrubberOf(secret).scrub(before + secret + after)).not.toContain(secret);
      }),
    );
  });

  test("text without values stays as it is; after drop nothing is known", () => {
    const scrubber = scrubberOf("hunter2");
    expect(scrubber.scrub("tab\tand\nline, é, 🐎")).toBe("tab\tand\nline, é, 🐎");
    scrubber.drop();
    expect(scrubber.scrub("\u0000\u0000\u0000\u0000\u0000\u0000\u0000x")).toBe("x");
  });
});

test.each([
  ["\u001b[1;31mred\u001b[0m", "red"],
  ["\u001b]0;title\u0007text", "text"],
  ["a\r\nb\rc", "a\nbc"],
  ["bell\u0007 \u009b2Jx", "bell 2Jx"],
  ["a\u202eb", "ab"],
])("%j without control characters is %j", (text, expected) => {
  expect(dropControls(text)).toBe(expected);
});

describe("a value as others print it", () => {
  const value = `it's "5\\" a\t\tb\u00e4$x`;

  test.each([
    ["Node, and Python", `it\\'s "5\\\\" a\\t\\tb\u00e4$x`],
    ["Node in backticks", `it's "5\\\\" a\\t\\tb\u00e4$x`],
    ["Python's JSON", `it's \\"5\\\\\\" a\\t\\tb\\u00e4$x`],
    ["export -p of dash", `it'\\''s "5\\" a\t\tb\u00e4$x`],
    ["export -p of busybox", `it'"'"'s "5\\" a\t\tb\u00e4$x`],
    ["declare -x of bash", `it's \\"5\\\\\\" a\t\tb\u00e4\\$x`],
    ["a text put on one line", `it's "5\\" a b\u00e4$x`],
  ])("%s", (_, form) => {
    expect(scrubberOf(value).scrub(`A=${form}.`)).toBe("A=[secret].");
  });

  test.each([64, 76])("base64 in lines of %i characters", (width) => {
    const long = "correct-horse-battery-staple-".repeat(5);
    const lines = Buffer.from(`${long}\n`)
      .toString("base64")
      .replace(new RegExp(`.{${width}}`, "g"), "$&\n");
    const shown = scrubberOf(long).scrub(lines);
    expect(shown.replaceAll("[secret]", "").trim().length).toBeLessThan(8);
  });

  test("cut off where the engine ends the output of a check", () => {
    const before = "x".repeat(4096 - 12);
    for (const cut of ["correct-hors", "correct-hors...", "\u001b[1mcorrect-hors..."]) {
      const shown = scrubberOf("correct-horse-battery").scrub(`${before}${cut}`);
      expect(shown).toMatch(/x\[secret\](\.\.\.)?$/);
      expect(shown).not.toContain("corr");
    }
  });

  test("bytes that are no text, where they were read as such", () => {
    const bytes = Buffer.from([0x22, 0xff, 0xfe, 0x61, 0x62, 0x63, 0x64]);
    const scrubber = createScrubber([new Secret(bytes)]);
    expect(scrubber.scrub(`< ${bytes.toString("utf8")} >`)).toBe("< [secret] >");
  });
});
