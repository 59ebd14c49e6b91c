import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { directory } from "./directory.ts";

async function merged(...bodies: readonly string[]) {
  const files = Object.fromEntries(bodies.map((body, i) => [`${i}.yaml`, body]));
  await using shop = await directory(files);
  const project = await shop.load({ files: Object.keys(files) });
  return project.services.get("web");
}

const web = (fields: string) => `services: {web: {image: x, ${fields}}}`;

describe("a later file", () => {
  test.each([
    ["ports: ['1:1']", "ports: ['2:2']", { ports: [{ target: 1 }, { target: 2 }] }],
    [
      "environment: {A: 1, B: 2}",
      "environment: [B=3, C=4]",
      { environment: { A: "1", B: "3", C: "4" } },
    ],
    ["command: [a]", "command: [b]", { command: ["b"] }],
    ["command: [a]", "command: null", { command: null }],
    [
      "volumes: ['./a:/x']",
      'volumes: ["data:/x"]',
      { volumes: [{ type: "volume", source: "data" }] },
    ],
    [
      "depends_on: [db]",
      "depends_on: {db: {condition: service_healthy}}",
      { depends_on: { db: { condition: "service_healthy" } } },
    ],
    [
      "healthcheck: {test: a, retries: 3}",
      "healthcheck: {test: b}",
      { healthcheck: { test: ["CMD-SHELL", "b"], retries: 3 } },
    ],
    ["logging: {driver: a, options: {x: 1}}", "logging: {driver: b}", { logging: { driver: "b" } }],
    ["build: ./a", "build: {target: t}", { build: { target: "t", dockerfile: "Dockerfile" } }],
    ["ports: ['1:1']", "ports: !override ['2:2']", { ports: [{ target: 2 }] }],
  ])("%s and %s", async (first, second, expected) => {
    const rest = "services: {db: {image: d}}\nvolumes: {data: {}}";
    expect(await merged(web(first), web(second), rest)).toMatchObject(expected);
  });

  test("takes away what it resets, at any depth", async () => {
    const before =
      "ports: ['1:1'], environment: {A: 1, B: 2}, deploy: {resources: {limits: {cpus: '1'}}}";
    const after = "ports: !reset [], environment: {A: !reset null}, deploy: {resources: !reset {}}";
    const service = await merged(web(before), web(after));
    expect(service?.ports).toBeUndefined();
    expect(service?.environment).toEqual({ B: "2" });
    expect(service?.deploy?.resources).toEqual({});
  });

  test("a second document counts as one, with the anchors of the first", async () => {
    const text = `x-a: &a {A: "1"}\n${web("environment: *a")}\n---\n${web("labels: *a")}`;
    const service = await merged(text);
    expect(service).toMatchObject({ environment: { A: "1" }, labels: { A: "1" } });
  });

  test("of another form is refused with its place", async () => {
    await using shop = await directory({
      "a.yaml": web("ports: ['1:1']"),
      "b.yaml": web("ports: {a: b}"),
    });
    const error = await shop.fault({ files: ["a.yaml", "b.yaml"] });
    expect(error.message).toContain("services.web.ports");
    expect(error.position?.file).toContain("b.yaml");
  });
});

describe("merging", () => {
  const word = fc.stringMatching(/^[a-z]{1,4}$/);
  const port = fc.integer({ min: 1, max: 65535 });
  const service = fc.record(
    {
      environment: fc.dictionary(word, word),
      labels: fc.uniqueArray(word).map((names) => names.map((name) => `${name}=1`)),
      ports: fc.uniqueArray(port, { maxLength: 4 }).map((all) => all.map((n) => `${n}:${n}`)),
      cap_add: fc.uniqueArray(word, { maxLength: 3 }),
      tmpfs: fc.uniqueArray(
        word.map((name) => `/${name}`),
        { maxLength: 3 },
      ),
      dns: fc.uniqueArray(word, { maxLength: 3 }),
      command: fc.array(word, { minLength: 1, maxLength: 3 }),
    },
    { requiredKeys: [] },
  );
  const file = (fields: object) => JSON.stringify({ services: { web: { image: "x", ...fields } } });

  test("a file over itself changes nothing", async () => {
    await fc.assert(
      fc.asyncProperty(service, async (fields) => {
        expect(await merged(file(fields), file(fields))).toEqual(await merged(file(fields)));
      }),
      { numRuns: 40 },
    );
  });

  test("is the same in one step as in two", async () => {
    await fc.assert(
      fc.asyncProperty(service, service, async (a, b) => {
        const documents = `${file(a)}\n---\n${file(b)}\n`;
        expect(await merged(documents)).toEqual(await merged(file(a), file(b)));
      }),
      { numRuns: 40 },
    );
  });
});
