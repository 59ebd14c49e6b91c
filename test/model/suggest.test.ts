import { expect, test } from "vitest";
import { suggest } from "../../src/model/suggest.ts";

test.each([
  ["vualt", ["local", "vault"], "vault"],
  ["Version", ["mode", "version"], "version"],
  ["moed", ["mode", "made"], "mode"],
  ["x", ["mode"], undefined],
  ["db", ["db1", "db0"], "db0"],
  ["anything", [], undefined],
])("suggest(%j) of %j is %j", (word, known, expected) => {
  expect(suggest(word, known)).toBe(expected);
});
