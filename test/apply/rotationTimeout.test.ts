/** What bounds the change of one replica, and what is said when it is over. */
import { describe, expect, test } from "vitest";
import type { FakeImage } from "../fakes/engine.ts";
import { database, NAME, replacement, type ReplaceMethod, running } from "./database.ts";
import { desiredOf, never, planOf } from "./fixture.ts";

const starting: FakeImage = { detail: { healthcheckIntervalMs: 1000 }, healthyAfter: 1e6 };
const { policy } = database("app:2");
const refresh = {
  kind: "refresh-container",
  service: "db",
  number: 1,
  signal: undefined,
} as const;
const bounded = (timeoutMs: number, rotationTimeoutMs: number) =>
  desiredOf(
    database("app:2", {
      policy: { ...policy, rotationTimeoutMs, health: { ...policy.health, timeoutMs } },
    }),
  );

/** Create takes 10 s, the stop of the old one 50 s. Answers how long the new one was waited for. */
async function replaced(method: ReplaceMethod, timeoutMs: number, rotationTimeoutMs: number) {
  const world = await running();
  world.engine.addImage("app:2", starting);
  const { engine, clock } = world;
  let startedAt = 0;
  let seenAt = 0;
  const slow: Partial<typeof engine> = {
    async createContainer(...all) {
      await clock.sleep(10_000, never);
      return engine.createContainer(...all);
    },
    async startContainer(id, signal) {
      startedAt ||= clock.elapsed();
      return engine.startContainer(id, signal);
    },
    async stopContainer(id, ...rest) {
      if (id === world.oldId) await clock.sleep(50_000, never);
      else seenAt ||= clock.elapsed();
      return engine.stopContainer(id, ...rest);
    },
    async removeContainer(...all) {
      seenAt ||= clock.elapsed();
      return engine.removeContainer(...all);
    },
  };
  const outcome = await world.run(
    bounded(timeoutMs, rotationTimeoutMs),
    replacement(world.oldId, method),
    { engine: { ...engine, ...slow } },
  );
  return { hint: outcome.failed[0]?.error.hint, waitedMs: seenAt - startedAt };
}

describe("rotation.timeout", () => {
  test("stop-first: it counts from create on, without the stop of the old one", async () => {
    const { hint, waitedMs } = await replaced("stop-first", 120_000, 40_000);
    expect(hint).toContain("`timeout` of x-dso");
    expect(hint).toContain("`rotation.timeout` of dso.yaml");
    expect(waitedMs).toBe(30_000);
  });

  test("blue-green: it counts from create on; where it is longer, the wait for health ends it", async () => {
    const short = await replaced("blue-green", 120_000, 40_000);
    expect(short.hint).toContain("`rotation.timeout` of dso.yaml");
    const long = await replaced("blue-green", 20_000, 40_000);
    expect(long.hint).toContain("`health.timeout` of x-dso");
  });

  test("refresh: it ends the wait for the verdict", async () => {
    const world = await running();
    const exec = () => Promise.resolve(1);
    const health = {
      ...policy.health,
      probe: { kind: "exec", argv: ["check"] } as const,
      timeoutMs: 120_000,
    };
    const desired = desiredOf(
      database("app:1", { policy: { ...policy, health, rotationTimeoutMs: 3000 } }),
    );
    const begun = world.clock.elapsed();
    const outcome = await world.run(
      { ...desired, versions: new Map([["local:db", "8"]]) },
      planOf([{ ...refresh, containerId: world.oldId }]),
      { engine: { ...world.engine, exec } },
    );
    expect(outcome.failed[0]?.error.hint).toContain("`rotation.timeout` of dso.yaml");
    expect(world.clock.elapsed() - begun).toBeLessThan(10_000);
    expect((await world.engine.inspectContainer(NAME, never))?.state).toBe("running");
  });
});
