import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { runProgram } from "../../src/cli/program.ts";
import { rotateUsers } from "../../src/cli/rotate.ts";
import { createFakeSession, type FakeSession } from "../fakes/session.ts";
import { temporaryDirectory } from "../fixtures/temporary.ts";
import { createWorld, never, type World } from "../reconciler/world.ts";
import { Command } from "commander";

interface Texts {
  readonly name?: string;
  readonly web?: string;
  readonly api?: string;
}

const compose = ({ name = "shop", web = "one", api = "one" }: Texts = {}): string => `
name: ${name}
services:
  web: { image: app:1, environment: { LOG: ${web}, MODE: "\${MODE:-dev}", PASSWORD: "dso://db#password" }, x-dso: { env: exposed } }
  api: { image: app:1, environment: { LOG: ${api}, PASSWORD: "dso://db#password" }, x-dso: { env: exposed } }
  idle: { image: app:1 }
`;

interface Scene extends World {
  readonly write: (texts?: Texts) => Promise<void>;
  /** Runs `dso` in the project's directory, and fails where it does. */
  readonly dso: (...words: readonly string[]) => Promise<void>;
  /** As `dso secret set db#password` does, once the value is stored. */
  readonly rotate: (password: string) => Promise<FakeSession>;
  readonly environmentOf: (container: string) => Promise<readonly string[]>;
}

async function withApplied(work: (scene: Scene) => Promise<void>): Promise<void> {
  await using directory = await temporaryDirectory();
  const world = await createWorld(directory.path);
  world.engine.addImage("app:1");
  const newSession = (): FakeSession =>
    createFakeSession({ cwd: directory.path, connect: () => Promise.resolve(world.context) });
  const scene: Scene = {
    ...world,
    write: (texts) => writeFile(join(directory.path, "compose.yaml"), compose(texts)),
    dso: async (...words) => {
      const session = newSession();
      expect([await runProgram(words, session), session.written.error()]).toEqual([0, ""]);
    },
    rotate: async (password) => {
      world.secrets["db"]?.push({ password, user: "u" });
      const session = newSession();
      await rotateUsers(world.context, session, new Command(), ["db"]);
      return session;
    },
    environmentOf: async (container) =>
      (await world.engine.inspectContainer(container, never))?.config.Env ?? [],
  };
  world.variables["MODE"] = "production";
  await scene.write();
  await scene.dso("up", "-d");
  await work(scene);
}

describe("a changed secret", () => {
  it("reaches its users, and nobody else", () =>
    withApplied(async ({ engine, rotate, environmentOf, dso }) => {
      const idle = await engine.inspectContainer("shop-idle-1", never);
      const session = await rotate("two");
      expect(session.exitCode).toBe(0);
      expect(session.written.output()).toContain("Used by api, web of project shop.");
      expect(await environmentOf("shop-web-1")).toContain("PASSWORD=two");
      expect(await environmentOf("shop-api-1")).toContain("PASSWORD=two");
      expect((await engine.inspectContainer("shop-idle-1", never))?.id).toBe(idle?.id);
      await dso("plan", "-detailed-exitcode");
    }));

  it("brings no edit along that nobody has applied, and says so", () =>
    withApplied(async ({ write, rotate, environmentOf }) => {
      await write({ web: "two" });
      const { exitCode, written } = await rotate("two");
      expect(exitCode).toBe(0);
      expect(written.output()).toContain(
        "Only the secret is rolled out: its files or the variables",
      );
      expect(await environmentOf("shop-web-1")).toEqual(
        expect.arrayContaining(["LOG=one", "PASSWORD=two"]),
      );
    }));

  it("keeps what a variable said when it was applied", () =>
    withApplied(async ({ variables, rotate, environmentOf }) => {
      delete variables["MODE"];
      await rotate("two");
      expect(await environmentOf("shop-web-1")).toEqual(
        expect.arrayContaining(["MODE=production", "PASSWORD=two"]),
      );
    }));

  it("is rolled out though the files can no longer be read", () =>
    withApplied(async ({ write, rotate, environmentOf }) => {
      await write({ web: "[" });
      const { exitCode, written } = await rotate("two");
      expect(exitCode).toBe(0);
      expect(written.output()).toContain("Only the secret is rolled out: its files cannot be read");
      expect(await environmentOf("shop-web-1")).toContain("PASSWORD=two");
    }));

  it("takes an edit for applied in the services that it was applied to", () =>
    withApplied(async ({ write, dso, rotate, environmentOf }) => {
      await write({ web: "two", api: "two" });
      await dso("up", "-d", "web");
      await rotate("two");
      expect(await environmentOf("shop-web-1")).toContain("LOG=two");
      expect(await environmentOf("shop-api-1")).toContain("LOG=one");
    }));

  it("goes to the project that was applied, though its files have become another's", () =>
    withApplied(async ({ engine, write, dso, rotate, environmentOf }) => {
      await write({ name: "mall" });
      await dso("up", "-d");
      await dso("down");
      const { written } = await rotate("two");
      expect(written.output()).toContain("Used by api, web of project shop.");
      expect(written.output()).not.toContain("project mall");
      expect(await environmentOf("shop-web-1")).toContain("PASSWORD=two");
      expect((await engine.listProject("mall", never)).containers).toEqual([]);
    }));
});
