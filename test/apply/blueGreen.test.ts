/** Blue-green in a world of fakes: what happens when somebody, or something, gets in its way. */
import { describe, expect, test } from "vitest";
import { isCarriedThrough, isComplete } from "../../src/apply/context.ts";
import { recover } from "../../src/apply/recovery/recovery.ts";
import type { Engine } from "../../src/model/ports.ts";
import {
  database,
  expectWhole,
  isServed,
  NAME,
  replacement,
  running,
  type Running,
} from "./database.ts";
import { desiredOf, never } from "./fixture.ts";

const wanted = desiredOf(database("app:2"));

/** Its new container dies once its own policy holds, and runs once more. */
function dyingLate(world: Running): Engine {
  const { engine, oldId } = world;
  return {
    ...engine,
    async inspectContainer(id, signal) {
      const found = await engine.inspectContainer(id, signal);
      const late = /^(drain|remove)-old$/.test(world.told("rotation-step").at(-1) ?? "");
      return late && found !== undefined && found.id !== oldId
        ? { ...found, restartCount: 1 }
        : found;
    },
  };
}

describe("blue-green", () => {
  test("the new container takes over name, names and policy; the old one is gone", async () => {
    const world = await running();
    const outcome = await world.run(wanted, replacement(world.oldId, "blue-green"));
    expect(outcome.failed).toEqual([]);
    expect(outcome.downtimes).toEqual([]);
    await expectWhole(world, "app:2");
    expect(world.told("rotation-step")).toEqual([
      ...["deliver", "create-new", "start-new", "await-health", "give-aliases", "verify-answer"],
      ...["detach-old", "rename-old", "rename-new", "set-policy", "take-aliases"],
      ...["drain-old", "stop-old", "remove-old", "drop-generation"],
    ]);
  });

  test("waits first where it is told to", async () => {
    const world = await running();
    const plan = replacement(world.oldId, "blue-green");
    const operations = plan.operations.map((one) => ({ ...one, delayMs: 60_000 }));
    const begun = world.clock.now();
    await world.run(wanted, { ...plan, operations });
    expect(world.clock.now() - begun).toBeGreaterThanOrEqual(60_000);
    await expectWhole(world, "app:2");
  });

  test("a request to stop ends such a wait, and the old one was never touched", async () => {
    const world = await running();
    const plan = replacement(world.oldId, "blue-green");
    const operations = plan.operations.map((one) => ({ ...one, delayMs: 60_000 }));
    const stop = new AbortController();
    const sleep = (_ms: number, signal: AbortSignal) =>
      new Promise<void>((_, reject) => {
        signal.addEventListener("abort", () => reject(new Error("aborted")));
        stop.abort();
      });
    const more = { signal: stop.signal, clock: { ...world.clock, sleep } };
    const outcome = await world.run(wanted, { ...plan, operations }, more);
    expect([outcome.failed, outcome.skipped]).toEqual([[], operations]);
    expect([isComplete(outcome), isCarriedThrough(outcome)]).toEqual([false, false]);
    expect(world.engine.changes()).toEqual([]);
    expect(world.events).toMatchObject([
      { type: "operation-paused", ms: 60_000 },
      { type: "operation-skipped", interrupted: true },
    ]);
  });

  test.each(["blue-green", "stop-first"] as const)(
    "%s: a new container that its policy had to start again is not what is left",
    async (method) => {
      const world = await running();
      const more = { engine: dyingLate(world) };
      const outcome = await world.run(wanted, replacement(world.oldId, method), more);
      expect(outcome.failed).toMatchObject([{ error: { code: "rolled-back" } }]);
      await expectWhole(world, "app:1");
    },
  );

  test.each(["app:2", "app:1"])(
    "no container is renamed while it alone has the names, on the way to %s",
    async (image) => {
      const world = await running();
      const alone: string[] = [];
      const renameContainer: Engine["renameContainer"] = async (id, name, signal) => {
        if (!(await isServed(world, id))) alone.push(name);
        await world.engine.renameContainer(id, name, signal);
      };
      const engine = { ...(image === "app:1" ? dyingLate(world) : world.engine), renameContainer };
      await world.run(wanted, replacement(world.oldId, "blue-green"), { engine });
      await expectWhole(world, image);
      const renames = world.engine.changes().filter((call) => call.startsWith("rename"));
      expect([renames.length, alone]).toEqual([image === "app:1" ? 4 : 2, []]);
    },
  );

  test("a new container that ends while the old one drains is not what is left", async () => {
    const world = await running();
    const sockets = {
      async inbound() {
        const made = (await world.engine.inspectContainer(NAME, never))!;
        await world.engine.stopContainer(made.id, undefined, never);
        return 0;
      },
    };
    const outcome = await world.run(wanted, replacement(world.oldId, "blue-green"), { sockets });
    expect(outcome.failed[0]?.error.code).toBe("rolled-back");
    await expectWhole(world, "app:1");
  });

  test("the old one removed by hand, the new one is kept, and found under the service's name", async () => {
    const world = await running();
    const create = world.engine.createContainer.bind(world.engine);
    let made = "";
    world.engine.createContainer = async (...all) => {
      made = await create(...all);
      await world.engine.removeContainer(world.oldId, { force: true, volumes: false }, never);
      return made;
    };
    world.engine.addImage("app:2", { exits: { code: 3 } });
    await world.run(wanted, replacement(world.oldId, "blue-green"));
    const kept = (await world.engine.inspectContainer(NAME, never))!;
    expect(kept.id).toBe(made);
    expect(kept.networks.flatMap(({ aliases }) => [...aliases]).sort()).toEqual(["db", NAME]);
  });

  test("without rollback the old one serves on as it was, and the failed one is left beside it", async () => {
    const world = await running();
    world.engine.addImage("app:2", { exits: { code: 3 } });
    const policy = { ...database("app:2").policy, rollbackOnFailure: false };
    const desired = desiredOf(database("app:2", { policy }));
    const outcome = await world.run(desired, replacement(world.oldId, "blue-green"));
    expect(outcome.failed[0]?.error).toMatchObject({
      hint: `rollback_on_failure is off: look at ${NAME}-new, then remove it.`,
    });
    expect(await isServed(world)).toBe(true);
    const old = (await world.engine.inspectContainer(NAME, never))!;
    expect([old.id, old.hostConfig.RestartPolicy?.Name]).toEqual([world.oldId, "unless-stopped"]);
    await recover("shop", await world.context(desired), () => undefined, never);
    expect((await world.engine.inspectContainer(`${NAME}-new`, never))?.state).toBe("exited");
  });
});
