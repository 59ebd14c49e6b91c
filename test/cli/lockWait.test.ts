import { watch, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { runProgram } from "../../src/cli/program.ts";
import { withProjectLock } from "../../src/reconciler/lock.ts";
import { createFakeSession, type FakeSession } from "../fakes/session.ts";
import { temporaryDirectory } from "../fixtures/temporary.ts";
import { createWorld, never, type World } from "../reconciler/world.ts";

const compose = (name: string, level: string): string => `
name: ${name}
services:
  web: { image: app:1, environment: { LOG: ${level}, PASSWORD: "dso://db#password" }, x-dso: { env: exposed } }
`;

interface Scene extends World {
  readonly file: string;
  /** Starts a `dso apply` that finds the lock taken, has `meanwhile` done, and lets it go on. */
  readonly applyAfter: (meanwhile: () => Promise<void>) => Promise<FakeSession>;
}

/** Resolves once somebody has prepared the directory that is to become a lock: its files are read by then. */
async function triesToLock(directory: string): Promise<void> {
  for await (const { filename } of watch(directory)) if (filename?.endsWith(".tmp")) return;
}

async function withWaiting(work: (scene: Scene) => Promise<void>): Promise<void> {
  await using directory = await temporaryDirectory();
  const world = await createWorld(directory.path);
  world.engine.addImage("app:1");
  const file = join(directory.path, "compose.yaml");
  await writeFile(file, compose("shop", "info"));
  const argv = ["apply", "-auto-approve", "-lock-timeout=30s"];
  const applyAfter: Scene["applyAfter"] = async (meanwhile) => {
    const connect = () => Promise.resolve(world.context);
    const session = createFakeSession({ cwd: directory.path, connect });
    let ended: Promise<number> | undefined;
    const holder = { operation: "test", timeoutMs: 0, report: () => undefined };
    const held = async (): Promise<void> => {
      const tried = triesToLock(world.context.paths.locksDir);
      ended = runProgram(argv, session);
      await tried;
      await meanwhile();
    };
    await withProjectLock(world.context, "shop", holder, held, never);
    session.exitCode = (await ended) ?? -1;
    return session;
  };
  await work({ ...world, file, applyAfter });
}

describe("an apply that had to wait for the project's lock", () => {
  it("applies the files and secrets as they are once it has it", () =>
    withWaiting(async ({ applyAfter, file, secrets, engine, plan }) => {
      const { exitCode } = await applyAfter(async () => {
        secrets["db"]?.push({ password: "two", user: "u" });
        await writeFile(file, compose("shop", "debug"));
      });
      expect(exitCode).toBe(0);
      const web = await engine.inspectContainer("shop-web-1", never);
      expect(web?.config.Env).toEqual(expect.arrayContaining(["LOG=debug", "PASSWORD=two"]));
      expect((await plan(compose("shop", "debug"))).plan.operations).toEqual([]);
    }));

  it("does nothing where its files have become another project", () =>
    withWaiting(async ({ applyAfter, file, engine }) => {
      const { exitCode, written } = await applyAfter(() =>
        writeFile(file, compose("mall", "info")),
      );
      expect(exitCode).toBe(1);
      expect(written.error()).toContain("Project shop became mall while its lock was waited for.");
      expect((await engine.listContainers({}, never)).length).toBe(0);
    }));
});
