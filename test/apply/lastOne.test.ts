/** The old container does not start any more, or is gone: the other one stays, and alone. */
import { describe, expect, test } from "vitest";
import type { ApplyContext } from "../../src/apply/context.ts";
import { DsoError } from "../../src/model/errors.ts";
import {
  database,
  isServed,
  NAME,
  replacement,
  type ReplaceMethod,
  type Running,
  running,
} from "./database.ts";
import { desiredOf, never } from "./fixture.ts";

const unhealthy = { detail: { healthcheckIntervalMs: 1000 }, healthyAfter: 1e6 };

/** The old one, once it has ended, is refused. */
function refusing({ engine, oldId }: Running): ApplyContext["engine"] {
  const taken = new DsoError("port-taken", "host port 5432 is taken");
  return {
    ...engine,
    startContainer: (id, signal) =>
      id === oldId ? Promise.reject(taken) : engine.startContainer(id, signal),
  };
}

/** Does something once, while the new one is waited for. */
function meanwhile(world: Running, act: () => Promise<void>): ApplyContext["clock"] {
  let done = false;
  return {
    ...world.clock,
    async sleep(ms, signal) {
      await world.clock.sleep(ms, signal);
      if (done || world.told("rotation-step").at(-1) !== "await-health") return;
      done = true;
      await act();
    },
  };
}

async function policyOf({ engine }: Running, id: string): Promise<string | undefined> {
  return (await engine.inspectContainer(id, never))?.hostConfig.RestartPolicy?.Name;
}

/** The new one has the place of the old one, and what leads to it. */
async function expectNewInPlace(world: Running): Promise<void> {
  const found = await world.engine.inspectContainer(NAME, never);
  expect([found?.config.Image, found?.state]).toEqual(["app:2", "running"]);
  expect(await policyOf(world, NAME)).toBe("unless-stopped");
  expect(await isServed(world)).toBe(true);
}

async function replaced(
  world: Running,
  method: ReplaceMethod,
  rollbackOnFailure: boolean,
  more: Partial<ApplyContext>,
): Promise<DsoError | undefined> {
  world.engine.addImage("app:2", unhealthy);
  const { policy } = database("app:2");
  const desired = desiredOf(database("app:2", { policy: { ...policy, rollbackOnFailure } }));
  const { failed } = await world.run(desired, replacement(world.oldId, method), more);
  return failed[0]?.error;
}

describe("where the old one does not start again", () => {
  test("the new one runs, and an engine that restarts wakes it alone", async () => {
    const world = await running();
    const error = await replaced(world, "stop-first", true, { engine: refusing(world) });
    expect(error?.code).toBe("rollback-failed");
    await expectNewInPlace(world);
    expect(await policyOf(world, world.oldId)).toBe("no");
  });

  test.each([true, false])("blue-green, rollback_on_failure %s: the new one", async (back) => {
    const world = await running();
    const clock = meanwhile(world, () => world.engine.stopContainer(world.oldId, 1, never));
    const error = await replaced(world, "blue-green", back, { engine: refusing(world), clock });
    expect(error?.code).toBe("rollback-failed");
    await expectNewInPlace(world);
  });
});

test.each([true, false])(
  "the old one removed, rollback_on_failure %s: the new one",
  async (back) => {
    const world = await running();
    const gone = { force: true, volumes: false };
    const clock = meanwhile(world, () => world.engine.removeContainer(world.oldId, gone, never));
    const error = await replaced(world, "blue-green", back, { clock });
    expect(error?.code).toBe("rollback-failed");
    await expectNewInPlace(world);
  },
);

test("the old one ended meanwhile: it runs again before the new one stands aside", async () => {
  const world = await running();
  const clock = meanwhile(world, () => world.engine.stopContainer(world.oldId, 1, never));
  const error = await replaced(world, "blue-green", false, { clock });
  expect(error?.code).toBe("container-unhealthy");
  const old = await world.engine.inspectContainer(NAME, never);
  expect([old?.id, old?.state]).toEqual([world.oldId, "running"]);
  expect(await policyOf(world, NAME)).toBe("unless-stopped");
});
