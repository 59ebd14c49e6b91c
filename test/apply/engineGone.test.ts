/** The engine goes away in the middle of a run: the outcome tells, and the next run puts it right. */
import { describe, expect, test } from "vitest";
import { recover } from "../../src/apply/recovery/recovery.ts";
import { DsoError } from "../../src/model/errors.ts";
import type { Engine } from "../../src/model/ports.ts";
import { database, expectWhole, NAME, replacement, running } from "./database.ts";
import { desiredOf, never } from "./fixture.ts";

/** Answers so many calls. */
function leaving(engine: Engine, calls: number): Engine {
  let left = calls;
  return new Proxy(engine, {
    get(target, key, receiver) {
      const call: unknown = Reflect.get(target, key, receiver);
      // What the engine tells by itself just ends.
      if (typeof call !== "function" || key === "events") return call;
      return (...args: unknown[]): unknown => {
        if (left-- > 0) return (call as (...args: unknown[]) => unknown)(...args);
        const options = { hint: "Is the engine running?" };
        return Promise.reject(new DsoError("engine-unreachable", "no Docker engine", options));
      };
    },
  });
}

describe("an engine that goes away", () => {
  test.each(["blue-green", "stop-first"] as const)("at any call of %s", async (method) => {
    const desired = desiredOf(database("app:2"));
    // Before that it is asked whether the plan can be carried out at all.
    for (let calls = 8, gone = true; gone; calls += 1) {
      const world = await running();
      const engine = leaving(world.engine, calls);
      const run = world.run(desired, replacement(world.oldId, method), { engine });
      // All is done, and only the last look for leftovers was not possible: the run tells of that.
      const { failed } = await run.catch((error: unknown) => {
        if ([...world.rotations.values()].at(-1)?.status !== "completed") throw error;
        return { failed: [] };
      });
      gone = failed.length > 0;
      if (gone) {
        expect(failed[0]?.error, `after ${calls}`).toMatchObject({
          code: "engine-unreachable",
          hint: "Is the engine running? Once it answers, run the command again: what had begun is finished or undone.",
        });
      }
      await recover("shop", await world.context(desired), () => undefined, never);
      await expectWhole(world, (await world.engine.inspectContainer(NAME, never))!.config.Image);
    }
  });
});
