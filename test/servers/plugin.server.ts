/** The example plugin, and others in the shell, as processes of their own. */
import { execFileSync } from "node:child_process";
import { mkdir, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Ajv2020 as Ajv } from "ajv/dist/2020.js";
import { afterAll, beforeAll, expect, it } from "vitest";
import { wire } from "../../src/wire.ts";
import schema from "../../schemas/plugin-protocol.json" with { type: "json" };
import { never } from "../reconciler/world.ts";
import { describeProvider, type Store } from "../providers/contract.ts";
import { createPluginScene, example, json, type PluginScene, shell } from "./pluginScene.ts";

let scene: PluginScene;

beforeAll(async () => {
  scene = await createPluginScene();
  await scene.install("folder", await example());
});

afterAll(() => scene[Symbol.asyncDispose]());

async function folderStore(): Promise<Store> {
  const root = join(scene.path, "secrets");
  await mkdir(root, { recursive: true });
  const provider = scene.open("folder", { config: json({ path: root }) });
  return {
    provider,
    put: async (path, value) => {
      const directory = join(root, path);
      await mkdir(directory, { recursive: true });
      const last = Math.max(0, ...(await readdir(directory)).map(Number).filter(Number.isInteger));
      await writeFile(join(directory, String(last + 1)), value);
    },
    remove: (path) => rm(join(root, path), { recursive: true, force: true }),
    [Symbol.asyncDispose]: () => provider.close(),
  };
}

const NAMES = [
  "db/password",
  "other",
  "a b",
  "ü/€",
  "x#y?z",
  "..data/token",
  ".hidden",
  "1",
  "%41",
];

describeProvider("the example plugin", folderStore, {
  ...{ versioned: true, keepsOlder: true, binary: true, holdsEmpty: true, names: NAMES },
});

it("is installed by what the documentation says", async () => {
  await using fresh = await createPluginScene();
  for (const name of ["one", "folder"]) {
    await writeFile(join(fresh.directory, `dso-provider-${name}`), await example(), {
      mode: 0o755,
    });
  }
  const text = await readFile(new URL("../../docs/providers.md", import.meta.url), "utf8");
  const [register = ""] = /^ {4}sha256sum .*$/m.exec(text) ?? [];
  execFileSync("sh", ["-euc", `umask 022\n${register}`], { cwd: fresh.directory });
  const config = json({ path: fresh.path });
  for (const name of ["one", "folder"]) {
    expect(await fresh.open(name, { config }).check(never)).toEqual({ ok: true });
  }
});

it("has the conversation that the documentation shows", async () => {
  const root = join(scene.path, "shown");
  await mkdir(join(root, "db/password"), { recursive: true });
  await writeFile(join(root, "db/password/3"), "s3cret");
  const text = await readFile(new URL("../../docs/providers.md", import.meta.url), "utf8");
  const lines = (mark: string): readonly unknown[] =>
    [...text.matchAll(new RegExp(`^ {4}${mark} (\\{.*)$`, "gm"))].map(([, line = ""]): unknown =>
      JSON.parse(line.replaceAll("/srv/secrets", root)),
    );
  const asked = lines(">").map((line) => `${JSON.stringify(line)}\n`);
  const program = join(scene.directory, "dso-provider-folder");
  const said = execFileSync(program, { input: asked.join(""), encoding: "utf8" })
    .trim()
    .split("\n");
  const answers = said.map((line): unknown => JSON.parse(line));
  // The last question is "shutdown", which wants no answer.
  expect(answers.slice(0, 4)).toEqual(lines("<"));
  expect([asked.length, answers.length]).toEqual([5, 5]);
  const isMessage = new Ajv({ strict: false }).compile(schema);
  for (const line of [...lines(">"), ...answers])
    expect([line, isMessage(line)]).toEqual([line, true]);
});

it("is opened as dso.yaml says, with its numbers as numbers", async () => {
  const answer = `'{"jsonrpc":"2.0","id":1,"error":{"code":-32000,"message":"no '"$GIVEN"'"}}'`;
  const seen = `env | grep -oE '^(HOME|DSO_PLUGINS_DIR|GIVEN|PATH)=' | sort >${scene.path}/seen`;
  const lines = ["read -r line", `echo "$line" >${scene.path}/got`, seen, `echo ${answer}`];
  await scene.install("odd", shell([...lines, "cat >/dev/null"]));
  const text = `providers:
  mine: { type: odd, config: { port: 5432, on: true, list: [a, 7] }, environment: [GIVEN] }`;
  await writeFile(join(scene.path, "dso.yaml"), text);
  const { providers } = await wire({
    ...{
      cwd: scene.path,
      configFile: undefined,
      version: "1",
      shims: "/",
      stays: false,
      signal: never,
    },
    environment: {
      ...{ HOME: scene.path, DSO_PLUGINS_DIR: scene.directory, PATH: process.env["PATH"] },
      GIVEN: "token-of-the-test",
    },
  });
  expect(await (await providers.get("mine")).check(never)).toMatchObject({
    ok: false,
    error: { code: "provider-unreachable", message: 'provider "mine": no [secret]' },
  });
  expect(JSON.parse(await scene.read("got"))).toMatchObject({
    params: { name: "mine", config: { port: 5432, on: true, list: ["a", 7] } },
  });
  expect(await scene.read("seen")).toBe("GIVEN=\nPATH=\n");
  await providers.close();
});

it("gives no file that a link leads to, and outlives a name that is none", async () => {
  const root = join(scene.path, "linked");
  await mkdir(join(root, "db"), { recursive: true });
  await symlink("/etc/passwd", join(root, "db/1"));
  const provider = scene.open("folder", { config: json({ path: root }) });
  const answers = await provider.read([{ path: "db" }, { path: "a\0b" }], never);
  expect([...answers.values()]).toMatchObject([
    { code: "secret-missing", message: `secret "team:db": no file of ${root}/db is a number` },
    { code: "secret-missing" },
  ]);
});

it("says what is wrong with its config, a path that is none too", async () => {
  const path = join(scene.path, "nothing");
  expect(await scene.open("folder", { config: json({ path }) }).check(never)).toMatchObject({
    ok: false,
    error: { message: `provider "team": there is no directory ${path}` },
  });
  expect(await scene.open("folder").check(never)).toMatchObject({
    ok: false,
    error: {
      code: "config-invalid",
      message: 'provider "team": config: needs path, the directory of the secrets',
    },
  });
});
