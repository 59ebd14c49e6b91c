/** Files that are read beside a compose file, and how what several files say comes together. */
import { expect, test } from "vitest";
import { renderProject } from "../../src/compose/output/render.ts";
import type { Json } from "../../src/model/project.ts";
import { directory } from "./directory.ts";

const SHOWN = { show: { without: new Set<never>() } };

async function printed(
  texts: Readonly<Record<string, string>>,
  options: { readonly files?: readonly string[]; readonly profiles?: readonly string[] } = {},
): Promise<Record<string, Record<string, Json>>> {
  await using files = await directory(texts);
  const project = await files.load({ ...SHOWN, ...options });
  return renderProject(project) as Record<string, Record<string, Json>>;
}

test("a variable of a file counts as the file itself says it, not as an earlier file does", async () => {
  const model = await printed({
    "compose.yaml": "services: {a: {image: x, env_file: [one.env, two.env]}}\n",
    "one.env": "A=1\nC=one\n",
    "two.env": "A=2\nB=$A$C\n",
  });
  expect(model.services?.a).toMatchObject({ environment: { A: "2", B: "2one" } });
});

test("of label files the earlier one comes first", async () => {
  const model = await printed({
    "compose.yaml": "services: {a: {image: x, label_file: [one, two]}}\n",
    one: "A=1\n",
    two: "A=2\nB=$A\n",
  });
  expect(model.services?.a).toMatchObject({ labels: { A: "2", B: "1" } });
});

test("an item of a list that is in both files is there once", async () => {
  const text = `services:
  a:
    image: x
    group_add: [g]
    label_file: l
    blkio_config: {device_read_bps: [{path: /a, rate: 1k}]}
    labels: [m=1]
`;
  const model = await printed(
    { "one.yaml": text, "two.yaml": text.replace("m=1", "m=2, m=1"), l: "" },
    { files: ["one.yaml", "two.yaml"] },
  );
  expect(model.services?.a).toMatchObject({
    group_add: ["g"],
    label_file: [expect.stringMatching(/\/l$/)],
    blkio_config: { device_read_bps: [{ Path: "/a" }] },
    labels: { m: "1" },
  });
});

test.each([
  ["extends:", "expected text or a mapping"],
  ["ports: [a]", "is no port"],
])("a file is right where a service is extended that has %s beside it", async (line, why) => {
  await using files = await directory({
    "compose.yaml": "services: {a: {extends: {file: b.yaml, service: b}}}\n",
    "b.yaml": `services:\n  b: {image: x}\n  c:\n    image: x\n    ${line}\n`,
  });
  const fault = await files.fault(SHOWN);
  expect(fault.message).toContain(why);
  expect(fault.position).toMatchObject({ line: 5 });
});

test("an include without a path brings nothing", async () => {
  const model = await printed({
    "compose.yaml": "include: [{path: []}]\nservices: {a: {image: x}}\n",
  });
  expect(Object.keys(model.services ?? {})).toEqual(["a"]);
});

test.each([
  [[], true],
  [["p"], false],
])("a service of the profile without a name, with the profiles %j", async (profiles, on) => {
  const model = await printed(
    { "compose.yaml": "services: {a: {image: x}, b: {image: x, profiles: ['']}}\n" },
    { profiles },
  );
  expect("b" in (model.services ?? {})).toBe(on);
});

test("a context is of a service that builds, also of one that is switched off", async () => {
  const text = (build: string) => `services:
  a: {build: {context: ., additional_contexts: {c: "service:b"}}}
  b: {image: x, profiles: [p]${build}}
`;
  await printed({ "compose.yaml": text(", build: .") });
  await using files = await directory({ "compose.yaml": text("") });
  expect((await files.fault(SHOWN)).message).toContain("which builds nothing");
});

test("a project has the name of its directory as it is asked for, behind a link, too", async () => {
  const { symlink } = await import("node:fs/promises");
  await using files = await directory({ "real/compose.yaml": "services: {a: {image: x}}\n" });
  await symlink("real", `${files.root}/current`);
  const project = await files.load({ ...SHOWN, files: ["current/compose.yaml"] });
  expect(project.name).toBe("current");
});

test.each([
  ["volumes: {vv: {driver: local, driver_opts: {o: bind, device: ~/d}}}", "volumes", "/home/me/d"],
  ["volumes: {vv: {driver: local, driver_opts: {o: bind, device: 'C:/d'}}}", "volumes", "C:/d"],
  ["configs: {v: {file: 'c:\\d'}}", "configs", "c:\\d"],
])("%s", async (line, section, place) => {
  const use = section === "volumes" ? "volumes: ['vv:/v']" : "configs: [v]";
  await using files = await directory({
    "compose.yaml": `services: {a: {image: x, ${use}}}\n${line}\n`,
  });
  const project = await files.load({ ...SHOWN, home: "/home/me" });
  const model = renderProject(project) as Record<string, Record<string, Json>>;
  expect(JSON.stringify(model[section])).toContain(JSON.stringify(place));
});

test("a resource may have the empty name, and a config the directory itself", async () => {
  const model = await printed({
    "compose.yaml": `services: {a: {image: x, networks: [n], configs: [c]}}
networks: {n: {name: ""}}
configs: {c: {file: ""}}
`,
  });
  expect(model.networks?.n).not.toHaveProperty("name");
  expect(model.configs?.c).toMatchObject({ file: expect.stringMatching(/^\//) as string });
});
