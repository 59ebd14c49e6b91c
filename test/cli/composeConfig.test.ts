import { readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { faultsOf } from "../fakes/faults.ts";
import { useMachine } from "./machine.ts";

const machine = useMachine();
const { dso } = machine;
const write = (name: string, text: string): Promise<void> =>
  writeFile(join(machine.home(), "work", name), text);
const config = async (...argv: readonly string[]): Promise<string> =>
  (await dso("compose", "config", ...argv)).output;

const SHOP = `
name: shop
services:
  web:
    image: web:1
    x-note: kept
    environment: { DB: "dso://app/db" }
    models: [llm]
    volumes: ["./data:/data"]
    pre_start: [{ command: [migrate], image: tool:1 }]
  extra: { image: web:1, profiles: [night] }
jobs:
  backup: { image: backup:1, triggers: { schedule: ["@daily"] } }
models: { llm: { model: ai/x }, unused: { model: ai/y } }
`;

describe("dso compose config", () => {
  beforeEach(() => write("compose.yaml", SHOP));

  it("prints the canonical model, references as they are, and what cannot be applied", async () => {
    const model = JSON.parse(await config("--format", "json")) as unknown;
    expect(model).toMatchObject({
      name: "shop",
      services: {
        web: {
          environment: { DB: "dso://app/db" },
          command: null,
          pre_start: [{ command: ["migrate"], environment: { DB: "dso://app/db" } }],
        },
      },
      jobs: { backup: { triggers: { schedule: [{ cron: "@daily" }] } } },
    });
    expect(model).not.toHaveProperty("models");
    const refused = await faultsOf(() => dso("validate"));
    expect(refused.map(({ message }) => message)).toEqual([
      "services.web.models is not supported yet",
      "services.web.pre_start[0].models is not supported yet",
      "the section jobs is not supported yet",
      "the section models is not supported yet",
    ]);
  });

  it("prints YAML without what is empty, with the models and x-*", async () => {
    const model = parse(await config()) as Record<string, Record<string, object>>;
    expect(model["models"]).toEqual({ llm: { model: "ai/x" } });
    expect(model["services"]!["web"]).toHaveProperty("x-note", "kept");
    expect(model["services"]!["web"]).not.toHaveProperty("command");
  });

  it.each([
    ["--services", "web\n"],
    ["--images", "backup:1\ntool:1\nweb:1\n"],
    ["--profiles", "night\n"],
    ["--networks", "default\n"],
    ["--volumes", ""],
    ["--models", "ai/x\n"],
    ["--quiet", ""],
  ])("%s", async (flag, lines) => {
    expect(await config(flag)).toBe(lines);
  });

  it("prints Compose's config hashes, also of what cannot be applied", async () => {
    expect(await config("--hash", "*")).toMatch(/^web [0-9a-f]{64}\n$/);
    await expect(config("--hash", "none")).rejects.toThrow("There is no service none.");
  });

  it("answers where a list is asked for, and keeps only the whole back when it is to be quiet", async () => {
    expect(await config("--quiet", "--services")).toBe("web\n");
    expect(await config("--images", "--services")).toBe("web\n");
    expect(await config("--quiet", "--environment")).toBe("");
    await expect(config("--hash", "extra")).rejects.toThrow("The service extra is switched off.");
  });

  it("prints what variables are replaced from, references as they are", async () => {
    await write(".env", "TOKEN=dso://app/token\nAN=1\nA=2\n");
    const [first, second, ...rest] = (await config("--environment")).trimEnd().split("\n");
    expect([first, second]).toEqual(["A=2", "AN=1"]);
    expect(rest).toContain("TOKEN=dso://app/token");
    expect(rest).toContain("COMPOSE_PROJECT_NAME=shop");
  });

  it("names the variables that are asked for, set or not", async () => {
    await write(
      "compose.yaml",
      "services: { web: { image: 'web:${TAG:-1}', user: '${USER_ID?}' } }",
    );
    expect((await config("--variables")).split("\n").map((line) => line.split(/ +/))).toEqual([
      ["NAME", "REQUIRED", "DEFAULT", "VALUE", "ALTERNATE", "VALUE"],
      ["TAG", "false", "1", ""],
      ["USER_ID", "true", ""],
      [""],
    ]);
    expect(JSON.parse(await config("--variables", "--format", "json"))).toHaveProperty("TAG", {
      Name: "TAG",
      DefaultValue: "1",
      PresenceValue: "",
      Required: false,
    });
  });

  it("names files of variables instead of reading them", async () => {
    await write("compose.yaml", "services: { web: { image: w, env_file: gone.env } }");
    await expect(config()).rejects.toThrow("gone.env does not exist");
    const flags = ["--no-env-resolution", "--no-path-resolution", "--format", "json"];
    expect(JSON.parse(await config(...flags))).toMatchObject({
      services: { web: { env_file: [{ path: "gone.env", required: true }] } },
    });
  });

  it("leaves paths as they are written, and what does not fit together, where it is told to", async () => {
    await write("compose.yaml", "services: { web: { build: ./w, depends_on: [gone] } }");
    await expect(config()).rejects.toThrow("depends on gone");
    const flags = ["--no-consistency", "--no-path-resolution", "--format", "json"];
    expect(JSON.parse(await config(...flags))).toMatchObject({
      services: { web: { build: { context: "./w" } } },
    });
  });

  it("writes into a file", async () => {
    expect(await config("--services", "-o", join(machine.home(), "out"))).toBe("");
    expect(await readFile(join(machine.home(), "out"), "utf8")).toBe("web\n");
    await expect(config("-o", machine.home())).rejects.toThrow("it is a directory");
    await expect(config("-o", "none/out")).rejects.toThrow("its directory does not exist");
    expect(await config("-o", "/dev/null")).toBe("");
    expect((await stat("/dev/null")).isCharacterDevice()).toBe(true);
  });
});
