/** The clock of the machine is set while something waits: what lasts a while lasts as long as before. */
import { describe, expect, test } from "vitest";
import type { ApplyContext } from "../../src/apply/context.ts";
import { database, expectWhole, replacement, running, type Running } from "./database.ts";
import { desiredOf, planOf } from "./fixture.ts";

const HOUR = 3_600_000;
const JUMPS = [5 * HOUR, -5 * HOUR];
const METHODS = ["blue-green", "stop-first"] as const;
const cases = JUMPS.flatMap((jump) => METHODS.map((method) => ({ jump, method })));

/** Jumps in the middle of each wait, to and fro; `sleeps` odd: back first. */
function jumping(world: Running, jump: number, sleeps = 0): ApplyContext["clock"] {
  return {
    ...world.clock,
    now: () => world.clock.now() + (sleeps % 2 === 0 ? 0 : jump),
    sleep: (ms, signal) => {
      sleeps += 1;
      return world.clock.sleep(ms, signal);
    },
  };
}

const checked = { detail: { healthcheckIntervalMs: 1000 } };

describe("a clock that jumps", () => {
  test.each(cases)("by $jump ms: $method waits for health as long as it may take", async (one) => {
    const world = await running();
    world.engine.addImage("app:2", { ...checked, healthyAfter: 20 });
    const clock = jumping(world, one.jump);
    const plan = replacement(world.oldId, one.method);
    const outcome = await world.run(desiredOf(database("app:2")), plan, { clock });
    expect(outcome.failed).toEqual([]);
    await expectWhole(world, "app:2");
    for (const { ms } of outcome.downtimes) expect(ms).toBeGreaterThan(0);
    for (const { ms } of outcome.downtimes) expect(ms).toBeLessThan(30_000);
  });

  test.each(cases)("by $jump ms: $method gives up in time", async (one) => {
    const world = await running();
    world.engine.addImage("app:2", { ...checked, healthyAfter: 1e6 });
    const clock = jumping(world, one.jump);
    const begun = world.clock.elapsed();
    const plan = replacement(world.oldId, one.method);
    const outcome = await world.run(desiredOf(database("app:2")), plan, { clock });
    expect(outcome.failed).toMatchObject([{ error: { code: "rolled-back" } }]);
    expect(world.clock.elapsed() - begun).toBeGreaterThanOrEqual(30_000);
    expect(world.clock.elapsed() - begun).toBeLessThan(60_000);
    await expectWhole(world, "app:1");
  });

  const either = JUMPS.flatMap((jump) => [0, 1].map((sleeps) => [jump, sleeps] as const));
  test.each(either)("by %i ms, %i: who is still connected has all of the drain", async (...how) => {
    const world = await running();
    const clock = jumping(world, ...how);
    let drained = 0;
    const sockets = {
      inbound: () => {
        drained = world.clock.elapsed();
        return Promise.resolve(1);
      },
    };
    const plan = replacement(world.oldId, "blue-green");
    let stoppedAt = 0;
    const engine = {
      ...world.engine,
      stopContainer: (...all: Parameters<typeof world.engine.stopContainer>) => {
        stoppedAt = world.clock.elapsed();
        return world.engine.stopContainer(...all);
      },
    };
    let begun = 0;
    const watching = {
      ...clock,
      sleep: (...all: Parameters<typeof clock.sleep>) => {
        // The drain begins with the one wait of a second and a half.
        if (all[0] === 1500) begun = world.clock.elapsed();
        return clock.sleep(...all);
      },
    };
    await world.run(desiredOf(database("app:2")), plan, { clock: watching, sockets, engine });
    expect(drained).toBeGreaterThan(begun);
    expect(stoppedAt - begun).toBe(10_000);
    await expectWhole(world, "app:2");
  });

  test.each(JUMPS)("by %i ms: a refresh is steady after the time that it takes", async (jump) => {
    const world = await running();
    const clock = jumping(world, jump);
    const begun = world.clock.elapsed();
    const refresh = {
      kind: "refresh-container",
      service: "db",
      number: 1,
      signal: "SIGHUP",
    } as const;
    const plan = planOf([{ ...refresh, containerId: world.oldId }]);
    const outcome = await world.run(desiredOf(database("app:1")), plan, { clock });
    expect(outcome.failed).toEqual([]);
    expect(world.clock.elapsed() - begun).toBe(5000);
  });
});
