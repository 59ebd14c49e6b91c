/** A job that is replaced: that it ends, and well, is what it is for. */
import { describe, expect, test } from "vitest";
import type { ApplyContext } from "../../src/apply/context.ts";
import { recover } from "../../src/apply/recovery/recovery.ts";
import { execute } from "../../src/apply/execute.ts";
import type { Plan } from "../../src/model/plan.ts";
import type { RotationStep } from "../../src/model/journal.ts";
import { createWorld, desiredOf, network, never, planOf, service, type World } from "./fixture.ts";

const NAME = "shop-job-1";
const job = (image: string) => desiredOf(service("job", { image, restart: "no" }));
const METHODS = ["stop-first", "blue-green"] as const;
type Method = (typeof METHODS)[number];

async function begun(): Promise<{ readonly world: World; readonly oldId: string }> {
  const world = createWorld();
  const create = { kind: "create-container", service: "job", number: 1, name: NAME } as const;
  await world.run(job("app:1"), planOf([network, { ...create, oneShot: true }]));
  return { world, oldId: (await world.engine.inspectContainer(NAME, never))!.id };
}

function replacing(method: Method, oldId: string, monitorMs: number): Plan {
  const replace = { kind: "replace-container", service: "job", number: 1, name: NAME } as const;
  const how = { method, oldId, oldName: NAME, expectedDowntimeMs: 0, monitorMs };
  return planOf([{ ...replace, ...how }]);
}

/** Ends the job, once, when the journal is told of the step; a second later, where it is watched. */
async function ending(world: World, at: RotationStep, code: number): Promise<ApplyContext> {
  const context = await world.context(job("app:2"));
  let due = false;
  const end = (): void => {
    due = false;
    world.engine.crash(NAME, code);
  };
  return {
    ...context,
    journal: {
      ...context.journal,
      write: async (rotation) => {
        await context.journal.write(rotation);
        if (rotation.step !== at || rotation.status !== "in_progress") return;
        if (at === "watch-new") due = true;
        else end();
      },
    },
    clock: {
      ...context.clock,
      sleep: async (ms, signal) => {
        await context.clock.sleep(ms, signal);
        if (due) end();
      },
    },
  };
}

const ways = METHODS.flatMap((method) => [
  { method, at: "watch-new" as const, monitorMs: 10_000 },
  { method, at: "remove-old" as const, monitorMs: 0 },
]);

describe("a job that takes longer than to settle", () => {
  test.each(ways)("$method: ends with 0 at $at, and is done", async ({ method, at, monitorMs }) => {
    const { world, oldId } = await begun();
    const context = await ending(world, at, 0);
    const plan = replacing(method, oldId, monitorMs);
    const { failed } = await execute(plan, context, () => undefined, never);
    expect(failed).toEqual([]);
    const { containers } = await world.engine.listProject("shop", never);
    expect(containers).toMatchObject([{ name: NAME, image: "app:2", state: "exited" }]);
  });

  test.each(ways)(
    "$method: ends with 3 at $at, and is undone",
    async ({ method, at, monitorMs }) => {
      const { world, oldId } = await begun();
      const context = await ending(world, at, 3);
      const plan = replacing(method, oldId, monitorMs);
      const { failed } = await execute(plan, context, () => undefined, never);
      expect(failed).toMatchObject([{ error: { code: "rolled-back" } }]);
      const { containers } = await world.engine.listProject("shop", never);
      expect(containers.map(({ name, image }) => [name, image])).toEqual([[NAME, "app:1"]]);
    },
  );

  test.each(METHODS)("%s: ends with 0 while recovery watches it", async (method) => {
    const { world, oldId } = await begun();
    const context = await world.context(job("app:2"));
    const plan = replacing(method, oldId, 10_000);
    const forced = new AbortController();
    const journal: ApplyContext["journal"] = {
      ...context.journal,
      write: async (rotation) => {
        await context.journal.write(rotation);
        if (rotation.step === "watch-new") forced.abort();
      },
    };
    const cut = { ...context, journal, force: forced.signal };
    await execute(plan, cut, () => undefined, never);
    let slept = 0;
    const clock: ApplyContext["clock"] = {
      ...world.clock,
      sleep: async (ms, signal) => {
        await world.clock.sleep(ms, signal);
        slept += ms;
        if (slept - ms < 7000 && slept >= 7000) world.engine.crash(NAME, 0);
      },
    };
    const tools = { ...context, clock, isJob: () => true };
    await recover("shop", tools, () => undefined, never);
    const { containers } = await world.engine.listProject("shop", never);
    expect(containers).toMatchObject([{ name: NAME, image: "app:2", state: "exited" }]);
  });
});

test("the old one of a job that was not watched is given all of its time to drain", async () => {
  const took = async (monitorMs: number): Promise<number> => {
    const { world, oldId } = await begun();
    world.engine.addImage("app:2", { exits: { code: 0 } });
    const begunAt = world.clock.now();
    const busy = { inbound: () => Promise.resolve(1) };
    const plan = replacing("blue-green", oldId, monitorMs);
    const { failed } = await world.run(job("app:2"), plan, { sockets: busy });
    expect(failed).toEqual([]);
    return world.clock.now() - begunAt;
  };
  expect(await took(10_000)).toBe(await took(0));
});
