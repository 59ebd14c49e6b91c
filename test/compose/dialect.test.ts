/** The dialect of YAML and of variable files at its edges: what Docker Compose 5.6 makes of them. */
import { expect, test } from "vitest";
import { parseDotenv } from "../../src/compose/variables/dotenv.ts";
import { renderProject } from "../../src/compose/output/render.ts";
import type { Json } from "../../src/model/project.ts";
import { directory } from "./directory.ts";

async function printed(text: string): Promise<Json | undefined> {
  await using files = await directory({ "compose.yaml": text });
  const model = renderProject(await files.load()) as { services: Record<string, Json> };
  return model.services.a;
}

test.each<[string, unknown]>([
  ["{image: x, environment: {A: !override 0x10, B: !x 017}}", { A: "0x10", B: "017" }],
  ["{image: x, environment: {A: !x null, B: !override ~}}", { A: "null", B: "~" }],
  ["{image: x, environment: {A: !!int 0x10, B: !!float 2}}", { A: "16", B: "2" }],
  ["{image: x, environment: {A:, B: b}}", { "A:": null, B: "b" }],
  ["{image: x, environment: [A:, 'B=b']}", { "A:": null, B: "b" }],
  ["{image: x, !!merge <<: {environment: {A: a}}}", { A: "a" }],
  ["{image: x, environment: {A: 2020-02-30, B: &b , C: 2020-02-29}}", { A: "2020-02-30", B: null }],
  ["{image: x, environment: {A: a}, <<: !reset {environment: {A: b}, user: u}}", { A: "a" }],
  ["{user: !reset , image: x, environment: [A=a]}", { A: "a" }],
])("%s", async (service, environment) => {
  expect(await printed(`services: {a: ${service}}\n`)).toMatchObject({ environment });
});

test("a tag that says nothing changes nothing", async () => {
  const text =
    "services:\n  a:\n    image: x\n    environment:\n      A: !\n      B: ! 5\n      C: ! null\n";
  expect(await printed(text)).toMatchObject({ environment: { A: null, B: "5", C: null } });
});

test.each(["!!omap [a: b]", "!!set {a, b}", "!!pairs [a: b]"])(
  "%s is what it is without a tag",
  async (value) => {
    expect(await printed(`services: {a: {image: x, x-a: ${value}}}\n`)).toMatchObject({
      image: "x",
    });
  },
);

test.each<[string, unknown]>([
  ["environment: {A: [\n]}", undefined],
  ["command: [\n    a,\nb\n    ]", ["a", "b"]],
  ["command: {\n}", undefined],
  ["command: [\"a\nb\", 'c\n  d']", ["a b", "c d"]],
  ['command: "a\n    b" # note', ["a", "b"]],
  ['command: "a"# note', ["a"]],
])("between brackets and quotes lines are indented as they like: %j", async (line, command) => {
  const read = printed(`services:\n  a:\n    ${line}\n    image: x\n`);
  if (command === undefined) await expect(read).rejects.toMatchObject({ position: { line: 3 } });
  else expect(await read).toMatchObject({ command, image: "x" });
});

test("a carriage return alone ends a line", async () => {
  expect(await printed("services:\r  a:\r    image: x\r")).toMatchObject({ image: "x" });
});

test.each([
  ["services: {a: {image: x, environment: {A: !!int a}}}", "not a value"],
  ["services: {a: {image: x, environment: {A: !!bool yes}}}", "not a value"],
  ["services: {a: {image: x, environment: {A: !!null x}}}", "not a value"],
  ["services: {a: {image: x, environment:{A: b}}}", "a space is missing behind the colon"],
  ["services: {a: {image: x}}\nnetworks: {n:}", "n:"],
  ['services: {a: {image: "\\ud83c\\udf89"}}', "no characters"],
  ["services: {a: {image: x\f}}", "control character"],
  ["{}", "empty"],
  ["version: '3'", "empty"],
  ["services: !reset", "empty"],
  ["name: é\nservices: {a: {image: x}}", "name: nothing"],
  ["name: ${U}\nservices: {a: {image: x}}", "name: nothing"],
])("%s is refused", async (text, why) => {
  await using files = await directory({ "compose.yaml": `${text}\n` });
  const fault = await files.fault();
  expect(fault.message).toContain(why);
  expect(fault.position).toMatchObject({ line: expect.any(Number) as number });
});

test("a last line that is a name and does not end gives the empty name its text", () => {
  const read = parseDotenv("e", "A=1\nFOO", () => "given");
  expect([...read].map(([name, { value }]) => [name, value])).toEqual([
    ["A", "1"],
    ["", "FOO"],
  ]);
});
