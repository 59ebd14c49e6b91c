import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { runProgram } from "../../src/cli/program.ts";
import { createFakeSession, type FakeSession } from "../fakes/session.ts";
import { temporaryDirectory } from "../fixtures/temporary.ts";
import { createWorld, never, type World } from "../reconciler/world.ts";

const compose = (level: string): string => `
name: shop
services:
  web: { image: app:1, environment: { LOG: ${level}, PASSWORD_FILE: "dsofile://db#password" } }
  db: { image: app:1 }
`;

interface Scene extends World {
  readonly session: FakeSession;
  /** Starts `dso logs` with these words. */
  readonly logs: (...words: readonly string[]) => Promise<number>;
  /** Resolves once these lines were printed, in whatever order. */
  readonly printed: (...lines: readonly string[]) => Promise<void>;
}

async function withRunning(work: (scene: Scene) => Promise<void>): Promise<void> {
  await using directory = await temporaryDirectory();
  const world = await createWorld(directory.path);
  world.engine.addImage("app:1", { log: "hello, one\n" });
  await writeFile(join(directory.path, "compose.yaml"), compose("info"));
  await world.converge(compose("info"));
  const connect = () => Promise.resolve(world.context);
  const session = createFakeSession({ cwd: directory.path, connect });
  const logs: Scene["logs"] = (...words) => runProgram(["logs", ...words], session);
  const printed: Scene["printed"] = (...lines) =>
    expect
      .poll(() => session.written.output().trimEnd().split("\n").sort())
      .toEqual([...lines].sort());
  await work({ ...world, session, logs, printed });
}

describe("dso logs", () => {
  it("shows what was printed, without the secrets, and comes back", () =>
    withRunning(async ({ logs, printed }) => {
      expect(await logs()).toBe(0);
      await printed("web-1 | hello, [secret]", "db-1  | hello, [secret]");
    }));

  it("-f goes on with a replacement, and ends when nothing runs", () =>
    withRunning(async ({ engine, secrets, converge, logs, printed }) => {
      const following = logs("-f", "web");
      await printed("web-1 | hello, [secret]");
      secrets["db"]?.push({ password: "two", user: "u" });
      engine.addImage("app:1", { log: "hello, two\n" });
      await converge(compose("info"));
      await printed("web-1 | hello, [secret]", "web-1 | hello, [secret]");
      await engine.stopContainer("shop-web-1", undefined, never);
      expect(await following).toBe(0);
    }));

  it("-f shows what one prints that was started again", () =>
    withRunning(async ({ engine, logs, printed }) => {
      const following = logs("-f");
      await printed("web-1 | hello, [secret]", "db-1  | hello, [secret]");
      await engine.stopContainer("shop-web-1", undefined, never);
      engine.writeLog("shop-web-1", "again\n");
      await engine.startContainer("shop-web-1", never);
      await expect
        .poll(() => engine.calls.filter((call) => call.startsWith("logs")).length)
        .toBe(3);
      await engine.stopContainer("shop-web-1", undefined, never);
      await engine.stopContainer("shop-db-1", undefined, never);
      expect(await following).toBe(0);
    }));
});
