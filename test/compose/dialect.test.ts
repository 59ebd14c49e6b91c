/** The dialect of YAML and of variable files at its edges: what Docker Compose 5.6 makes of them. */
import { expect, test } from "vitest";
import { parseDotenv } from "../../src/compose/dotenv.ts";
import { renderProject } from "../../src/compose/render.ts";
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
  ["{user: !reset , image: x, environment: [A=a]}", { A: "a" }],
])("%s", async (service, environment) => {
  expect(await printed(`services: {a: ${service}}\n`)).toMatchObject({ environment });
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
