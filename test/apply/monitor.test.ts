/** A new container is watched for a while before the old one goes: `deploy.update_config.monitor`. */
import { describe, expect, test } from "vitest";
import type { ApplyContext } from "../../src/apply/context.ts";
import { execute } from "../../src/apply/execute.ts";
import { recover } from "../../src/apply/recovery/recovery.ts";
import { waitWatched } from "../../src/apply/rollout/verify.ts";
import type { DsoEvent } from "../../src/model/events.ts";
import type { RotationStep } from "../../src/model/journal.ts";
import type { Plan } from "../../src/model/plan.ts";
import { database, expectWhole, NAME, replacement, type Running, running } from "./database.ts";
import { desiredOf, never, planOf } from "./fixture.ts";
import { mortal } from "./mortal.ts";

const METHODS = ["blue-green", "stop-first"] as const;
type Method = (typeof METHODS)[number];
const wanted = desiredOf(database("app:2"));

function watched(world: Running, method: Method, monitorMs = 5000): Plan {
  const plan = replacement(world.oldId, method);
  return { ...plan, operations: plan.operations.map((one) => ({ ...one, monitorMs })) };
}

/** Does something once the new container has been watched for so long, ms. */
function during(world: Running, ms: number, act: () => void): ApplyContext["clock"] {
  let left = ms;
  return {
    now: () => world.clock.now(),
    elapsed: () => world.clock.elapsed(),
    async sleep(pause, signal) {
      await world.clock.sleep(pause, signal);
      if (world.told("rotation-step").at(-1) !== "watch-new" || left <= 0) return;
      left -= pause;
      if (left <= 0) act();
    },
  };
}

describe("monitor", () => {
  test.each(METHODS)("%s: the old one goes once the new one was watched", async (method) => {
    const world = await running();
    let there: string | undefined;
    const clock = during(world, 5000, () => {
      there = world.engine.calls.find((call) => /^remove/.test(call)) ?? "both";
    });
    const outcome = await world.run(wanted, watched(world, method), { clock });
    expect([outcome.failed, there]).toEqual([[], "both"]);
    await expectWhole(world, "app:2");
    const steps = world.told("rotation-step");
    expect(steps.indexOf("watch-new")).toBeLessThan(steps.indexOf("remove-old"));
  });

  test.each(METHODS)("%s: one that dies two seconds after it served is undone", async (method) => {
    const world = await running();
    const clock = during(world, 2000, () => world.engine.crash(NAME, 3));
    const outcome = await world.run(wanted, watched(world, method), { clock });
    expect(outcome.failed[0]?.error).toMatchObject({ code: "rolled-back" });
    expect(outcome.failed[0]?.error.message).toContain("ended");
    await expectWhole(world, "app:1");
    const stops = world.engine.calls.filter((call) => call === `stopContainer ${NAME}-old`);
    if (method === "blue-green") expect(stops).toEqual([]);
  });

  test.each(METHODS)("%s: a request to stop ends it, and it is undone", async (method) => {
    const world = await running();
    const stop = new AbortController();
    const clock = during(world, 1000, () => stop.abort());
    const more = { clock, signal: stop.signal };
    const outcome = await world.run(wanted, watched(world, method, 600_000), more);
    expect(outcome.failed).toMatchObject([{ error: { code: "aborted" } }]);
    await expectWhole(world, "app:1");
  });

  test("its time counts as time to drain", async () => {
    const took = async (monitorMs: number): Promise<number> => {
      const world = await running();
      const begun = world.clock.now();
      const busy = { inbound: () => Promise.resolve(1) };
      await world.run(wanted, watched(world, "blue-green", monitorMs), { sockets: busy });
      await expectWhole(world, "app:2");
      return world.clock.now() - begun;
    };
    expect(await took(8000)).toBeLessThan((await took(0)) + 1000);
    expect(await took(20_000)).toBeGreaterThanOrEqual((await took(0)) + 10_000);
  });

  test.each(METHODS)("%s: killed at any call, it is whole, and watched again", async (method) => {
    let [nth, again] = [0, 0];
    for (let ended = "killed"; ended === "killed";) {
      nth++;
      const world = await running();
      const { died, context } = mortal(await world.context(wanted), nth, "after");
      const run = execute(watched(world, method, 6000), context, () => undefined, never);
      ended = await Promise.race([died, run.then(() => "finished")]);
      const open = [...world.rotations.values()].at(-1)?.step === "watch-new";
      const begun = world.clock.now();
      await recover("shop", await world.context(wanted), () => undefined, never);
      if (open && ended === "killed") expect(world.clock.now() - begun).toBeGreaterThan(10_000);
      again += open ? 1 : 0;
      const { containers } = await world.engine.listProject("shop", never);
      await expectWhole(world, containers[0]?.image ?? "");
    }
    expect(again).toBeGreaterThan(3);
  });

  test("a refresh that kills the process within that time is taken back", async () => {
    const world = await running();
    world.secrets.set("local:db#password", "another-value");
    const newer = { ...desiredOf(database("app:1")), versions: new Map([["local:db", "8"]]) };
    const { oldId: containerId } = world;
    const told = { kind: "refresh-container", signal: "SIGHUP", containerId } as const;
    const plan = planOf([{ ...told, service: "db", number: 1, monitorMs: 9000 }]);
    const clock = during(world, 6000, () => world.engine.crash(NAME, 3));
    const outcome = await world.run(newer, plan, { clock });
    expect(outcome.failed[0]?.error).toMatchObject({ code: "rolled-back" });
    const given = [...world.generations.values()].flatMap(({ versions }) =>
      Object.values(versions),
    );
    expect(given).toEqual(["7"]);
  });
});

describe("what recovery watches", () => {
  async function killedAt(method: Method, step: RotationStep) {
    const world = await running();
    const context = await world.context(wanted);
    const forced = new AbortController();
    const journal: ApplyContext["journal"] = {
      ...context.journal,
      write: async (rotation) => {
        await context.journal.write(rotation);
        if (rotation.step === step) forced.abort();
      },
    };
    const cut = { ...context, journal, force: forced.signal };
    await execute(watched(world, method, 600_000), cut, () => undefined, never);
    expect([...world.rotations.values()].at(-1)).toMatchObject({ step, status: "in_progress" });
    const [begun, told] = [world.clock.now(), [] as string[]];
    const report = (event: DsoEvent): void => {
      if (event.type === "warning") told.push(event.message);
    };
    await recover("shop", await world.context(wanted), report, never);
    await expectWhole(world, "app:2");
    return { took: world.clock.now() - begun, told };
  }

  test.each([
    ["blue-green", "drain-old"],
    ["blue-green", "stop-old"],
    ["blue-green", "remove-old"],
    ["stop-first", "remove-old"],
    ["stop-first", "drop-generation"],
  ] as const)("%s: nothing that was watched, at %s", async (method, step) => {
    expect((await killedAt(method, step)).took).toBeLessThan(600_000);
  });

  test("is told before it is waited for", async () => {
    const { took, told } = await killedAt("stop-first", "watch-new");
    expect(took).toBeGreaterThanOrEqual(600_000);
    expect(told[0]).toContain("watched for 10 min once more");
    expect(told).toHaveLength(2);
  });
});

describe("a check that fails while it is watched", () => {
  const answers = async (codes: readonly number[]): Promise<void> => {
    const world = await running();
    let asked = 0;
    world.engine.addImage("app:2", { exec: () => ({ code: codes[asked++] ?? 0 }) });
    await world.run(wanted, replacement(world.oldId));
    const probe = { kind: "exec", argv: ["check"] } as const;
    const policy = { ...database("app:2").policy.health, probe, retries: 3, intervalMs: 1000 };
    const tools = { engine: world.engine, clock: world.clock, scrub: (text: string) => text };
    const { id } = (await world.engine.inspectContainer(NAME, never))!;
    await waitWatched(tools, { id, restartCount: 0, oneShot: false }, policy, 5000, never);
  };

  test("is forgiven where it succeeds again", async () => {
    await expect(answers([0, 1, 1, 0, 1, 1])).resolves.toBeUndefined();
  });

  test("is a failure, as many times in a row as retries say", async () => {
    await expect(answers([0, 1, 1, 1])).rejects.toThrow("did not stay healthy");
  });

  test("is a failure at the very end, too", async () => {
    await expect(answers([0, 0, 0, 0, 1, 1, 1])).rejects.toThrow("did not stay healthy");
  });
});
