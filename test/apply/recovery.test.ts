import { describe, expect, test } from "vitest";
import { execute } from "../../src/apply/execute.ts";
import { recover } from "../../src/apply/recovery/recovery.ts";
import { DsoError } from "../../src/model/errors.ts";
import type { DsoEvent } from "../../src/model/events.ts";
import { slowToStop } from "../fakes/slowStop.ts";
import {
  database,
  expectWhole,
  isServed,
  NAME,
  replacement,
  running,
  type Running,
} from "./database.ts";
import { mortal } from "./mortal.ts";
import { createWorld, desiredOf, never, planOf, withFile, type World } from "./fixture.ts";

describe("killed at any call", () => {
  async function killAt(
    world: World,
    image: string,
    plan: ReturnType<typeof planOf>,
    nth: number,
    when: "before" | "after",
  ): Promise<"killed" | "finished"> {
    const { died, context } = mortal(await world.context(desiredOf(database(image))), nth, when);
    const run = execute(plan, context, () => undefined, never).then(() => "finished" as const);
    return Promise.race([died, run]);
  }

  const methods = ["stop-first", "blue-green"] as const;
  const cases = (["before", "after"] as const).flatMap((when) =>
    (
      [
        ["healthy", {}],
        ["failing", { exits: { code: 3 } }],
      ] as const
    ).flatMap(([what, image]) => methods.map((method) => ({ method, when, what, image }))),
  );

  test.each(cases)(
    "of $method, $when it is made, new version $what",
    async ({ method, when, image }) => {
      let nth = 0;
      for (let ended = "killed"; ended === "killed";) {
        nth++;
        const world = await running();
        world.engine.addImage("app:2", image);
        ended = await killAt(world, "app:2", replacement(world.oldId, method), nth, when);
        if (method === "blue-green") expect(await isServed(world), `call ${nth}`).toBe(true);
        const context = await world.context(desiredOf(database("app:2")));
        await recover("shop", context, () => undefined, never);
        const now = (await world.engine.inspectContainer(NAME, never))!.config.Image;
        if ("exits" in image) expect(now, `call ${nth}`).toBe("app:1");
        await expectWhole(world, now);
        // Again, it finds nothing to do.
        world.engine.calls.length = 0;
        await recover("shop", context, () => undefined, never);
        expect(world.engine.calls).toEqual([]);
      }
      expect(nth).toBeGreaterThan(25);
    },
  );

  test.each(cases)(
    "and again at any call of the recovery, of $method, $when, $what",
    async ({ method, when, image }) => {
      for (const first of [6, 10, 14, 18, 22, 26, 30, 34, 38, 42]) {
        let nth = 0;
        for (let ended = "killed"; ended === "killed";) {
          nth++;
          const world = await running();
          world.engine.addImage("app:2", image);
          await killAt(world, "app:2", replacement(world.oldId, method), first, "before");
          const context = await world.context(desiredOf(database("app:2")));
          const { died, context: dying } = mortal(context, nth, when);
          const run = recover("shop", dying, () => undefined, never).then(
            () => "finished" as const,
          );
          ended = await Promise.race([died, run]);
          await recover("shop", context, () => undefined, never);
          const now = (await world.engine.inspectContainer(NAME, never))!.config.Image;
          await expectWhole(world, now);
        }
      }
    },
  );

  test.each(cases)("of create, $when it is made, $what", async ({ when, image }) => {
    const plan = planOf([
      { kind: "create-network", network: "default" },
      { kind: "create-container", service: "db", number: 1, name: NAME, oneShot: false },
    ]);
    let nth = 0;
    for (let ended = "killed"; ended === "killed";) {
      nth++;
      const world = createWorld();
      world.engine.addImage("app:1", image);
      ended = await killAt(world, "app:1", plan, nth, when);
      const context = await world.context(desiredOf(database("app:1")));
      await recover("shop", context, () => undefined, never);
      const { containers } = await world.engine.listProject("shop", never);
      if (containers.length > 0) {
        await expectWhole(world, "app:1");
      } else {
        expect(world.generations.size, `call ${nth}`).toBe(0);
      }
    }
    expect(nth).toBeGreaterThan(15);
  });

  /** Killed at the first write of this step, with the new container in this condition afterwards. */
  async function killedAt(
    step: string,
    then: (world: Running, made: string) => Promise<void> | void,
  ) {
    for (let nth = 1; ; nth++) {
      const world = await running();
      await killAt(world, "app:2", replacement(world.oldId), nth, "after");
      const rotation = [...world.rotations.values()].at(-1);
      if (rotation?.step !== step) continue;
      await then(world, rotation.new?.id ?? "");
      const messages: string[] = [];
      const context = await world.context(desiredOf(database("app:2")));
      const report = (event: DsoEvent) => {
        if (event.type === "warning") messages.push(event.message);
      };
      await recover("shop", context, report, never);
      const status = [...world.rotations.values()].at(-1)?.status;
      return { world, status, messages };
    }
  }

  test("a new one that died after it had served gives way to the old one, while that is there", async () => {
    const { world, status } = await killedAt("remove-old", ({ engine }, made) => {
      engine.crash(made, 1);
    });
    expect(status).toBe("rolled_back");
    await expectWhole(world, "app:1");
  });

  test("without the old one the new one is kept, started, and a person told", async () => {
    const { world, status, messages } = await killedAt("rename-new", async ({ engine, oldId }) => {
      await engine.removeContainer(oldId, { force: true, volumes: false }, never);
    });
    expect(status).toBe("rollback_required");
    expect(messages).toEqual([expect.stringContaining("look at it")]);
    await expectWhole(world, "app:2");
  });

  test("when both are gone nothing is left of them", async () => {
    const { world, status } = await killedAt("await-health", async ({ engine, oldId }, made) => {
      for (const id of [oldId, made]) {
        await engine.removeContainer(id, { force: true, volumes: false }, never);
      }
    });
    expect(status).toBe("failed");
    expect((await world.engine.listProject("shop", never)).containers).toEqual([]);
    expect(world.generations.size).toBe(0);
  });

  test("a new one that still waits for its health gets the rest of its time", async () => {
    const { world, status } = await killedAt("await-health", () => undefined);
    expect(status).toBe("completed");
    await expectWhole(world, "app:2");
  });
});

describe("killed while the engine stops a container", () => {
  test("a replacement: the old one runs on after that stop", async () => {
    const { oldId, ...world } = await running();
    const slow = slowToStop(world.engine);
    const desired = desiredOf(database("app:2"));
    void world.run(desired, replacement(oldId), { engine: slow.engine });
    await slow.heard;
    const context = await world.context(desired, { engine: slow.engine });
    await recover("shop", context, () => undefined, never);
    await slow.graceIsOver();
    await expectWhole(world, "app:1");
  });

  test.each(["stop-container", "restart-container"] as const)(
    "%s: it has ended before anybody looks again",
    async (kind) => {
      const { oldId, ...world } = await running();
      const slow = slowToStop(world.engine);
      const desired = desiredOf(database("app:1"));
      const plan = planOf([{ kind, service: "db", containerId: oldId }]);
      void world.run(desired, plan, { engine: slow.engine });
      await slow.heard;
      const messages: string[] = [];
      const context = await world.context(desired, { engine: slow.engine });
      const report = (event: DsoEvent) => {
        if (event.type === "warning") messages.push(event.message);
      };
      expect(await recover("shop", context, report, never)).toBe(true);
      expect((await world.engine.inspectContainer(NAME, never))!.state).toBe("exited");
      expect(messages).toEqual([`the stop of ${NAME} had been interrupted, and has ended`]);
      expect([...world.rotations.values()].map(({ method }) => method)).toEqual(["create"]);
    },
  );

  test("a container that was started since is left alone", async () => {
    const { oldId, ...world } = await running();
    const slow = slowToStop(world.engine);
    const desired = desiredOf(database("app:1"));
    const plan = planOf([{ kind: "stop-container", containerId: oldId }]);
    void world.run(desired, plan, { engine: slow.engine });
    await slow.heard;
    await slow.graceIsOver();
    await world.clock.sleep(1000, never);
    await world.engine.startContainer(oldId, never);
    await recover("shop", await world.context(desired), () => undefined, never);
    await expectWhole(world, "app:1");
  });

  test("what the engine refuses to stop runs on, and nothing is left to be done", async () => {
    const { oldId, ...world } = await running();
    const refused = () => Promise.reject(new DsoError("engine-refused", "permission denied"));
    const engine = { ...world.engine, stopContainer: refused };
    const desired = desiredOf(database("app:2"));
    const outcome = await world.run(desired, replacement(oldId), { engine });
    expect(outcome.failed).toMatchObject([{ error: { code: "rolled-back" } }]);
    await expectWhole(world, "app:1");
    const plan = planOf([{ kind: "stop-container", containerId: oldId }]);
    const second = await world.run(desired, plan, { engine });
    expect(second.failed).toMatchObject([{ error: { code: "engine-refused" } }]);
    expect(await recover("shop", await world.context(desired), () => undefined, never)).toBe(false);
  });
});

test("a job whose end was not heard of any more is as good as a server that serves", async () => {
  const world = await running();
  world.engine.addImage("app:2", { exits: { code: 0, afterLooks: 1 } });
  const job = database("app:2", { ...withFile("dsofile://db#password") });
  const desired = desiredOf({ ...job, model: { ...job.model, restart: "no", ports: [] } });
  const engine = {
    ...world.engine,
    removeContainer: async (...all: Parameters<typeof world.engine.removeContainer>) => {
      await world.engine.removeContainer(...all);
      throw new DsoError("engine-unreachable", "the line is dead");
    },
  };
  const outcome = await world.run(desired, replacement(world.oldId), { engine });
  expect(outcome.failed).toHaveLength(1);
  const tools = { ...(await world.context(desired)), isJob: () => true };
  await recover("shop", tools, () => undefined, never);
  expect([...world.rotations.values()].map(({ status }) => status)).toEqual([
    "completed",
    "completed",
  ]);
});
