import { expect, test } from "vitest";
import { byCount, byUtf8 } from "../../src/compose/order.ts";

test.each([
  ["app1 app2 app10 app10a app11"],
  ["a a- a-b a0 a1 a01 ab"],
  ["v0.9 v0.10 v1.0 v103 v105a"],
  ["1a 1-a 12"],
  ["A_B Ab a"],
])("counts: %s", (text) => {
  const names = text.split(" ");
  expect(names.toReversed().toSorted(byCount)).toEqual(names);
});

test("bytes, not units", () => {
  expect(["😀", "\ufffd", "b", "a10", "a2"].toSorted(byUtf8)).toEqual([
    "a10",
    "a2",
    "b",
    "\ufffd",
    "😀",
  ]);
});
