import { describe, expect, test } from "vitest";
import { parseYaml } from "../../src/compose/yaml/parse.ts";
import { variablesOf } from "../../src/compose/variables/uses.ts";

async function found(...texts: readonly string[]) {
  const [document] = await parseYaml("compose.yaml", JSON.stringify({ a: texts, b: [{ c: 1 }] }));
  return variablesOf(document!).map(({ name, required, fallback, alternate }) =>
    [name, required ? "!" : "", fallback, alternate].join("|"),
  );
}

describe("the variables of a model", () => {
  test.each([
    ["$A ${B}", ["A|||", "B|||"]],
    ["${A:-x}${B-y}", ["A||x|", "B||y|"]],
    ["${A:+x}${B+y}", ["A|||x", "B|||y"]],
    ["${A?why ${B}} ${C:?}", ["A|!||", "C|!||"]],
    ["${A:-${B:-${C}}}", ["A||${B:-${C}}|", "B||${C}|", "C|||"]],
    ["${A:+$B}", ["A|||$B", "B|||"]],
    ["$$A ${B:-$$C} $5 $", ["B||$$C|"]],
    ["${B} ${A}:${B:-x} ${B?}", ["A|||", "B|!|x|"]],
  ])("of %s", async (text, variables) => {
    expect(await found(text)).toEqual(variables);
  });

  test("are told once, however many places ask", async () => {
    expect(await found("$B", "${A:-1}", "${A:-2}", "${B:?}")).toEqual(["A||1|", "B|!||"]);
  });

  test("a text that is no template is refused at its place", async () => {
    await expect(found("fine", "${A.b}")).rejects.toThrow("a[1]: what follows ${ is not a valid");
  });

  test("nesting without an end is refused", async () => {
    const deep = "${A:-".repeat(200) + "}".repeat(200);
    await expect(found(deep)).rejects.toThrow("more than 100 deep");
  });
});
