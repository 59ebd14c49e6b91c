/** Checks that take their time, and checks that never answer: by a clock of the test's own. */
import { afterEach, describe, expect, test, vi } from "vitest";
import { waitServing } from "../../src/apply/rollout/health.ts";
import { waitAnswering, waitSteady } from "../../src/apply/rollout/verify.ts";
import type { HealthPolicy } from "../../src/model/desired.ts";
import type { Healthcheck } from "../../src/model/engine.ts";
import { createFakeEngine, type FakeEngine } from "../fakes/engine.ts";
import { never } from "./fixture.ts";

const policy: HealthPolicy = {
  probe: undefined,
  timeoutMs: 30_000,
  retries: 3,
  intervalMs: 2000,
  startPeriodMs: undefined,
  settleMs: 5000,
};
const probed: HealthPolicy = { ...policy, probe: { kind: "exec", argv: ["check"] } };
const own: Healthcheck = { Test: ["CMD", "check"], Interval: 30e9, Timeout: 20e9 };
const fresh = { oneShot: false, fresh: true };

afterEach(() => {
  vi.restoreAllMocks();
});

/**
 * Each run of a check takes so long, or as long as it may; below zero it fails at once. From
 * `slowFromMs` on none ends.
 */
async function checked(takesMs: number, healthcheck?: Healthcheck, slowFromMs = Infinity) {
  let now = 0;
  const limits: AbortController[] = [];
  const limitsMs: number[] = [];
  const ranAt: number[] = [];
  vi.spyOn(AbortSignal, "timeout").mockImplementation((ms) => {
    limitsMs.push(ms);
    const limit = new AbortController();
    limits.push(limit);
    return limit.signal;
  });
  const made = createFakeEngine({ now: () => now });
  made.addImage("app", { healthyAfter: 1e6 });
  const body = { Image: "app", Env: [], Labels: {}, HostConfig: {} };
  const more = healthcheck === undefined ? {} : { Healthcheck: healthcheck };
  const networking = { NetworkingConfig: { EndpointsConfig: {} } };
  const id = await made.createContainer("web", { ...body, ...networking, ...more }, {}, never);
  await made.startContainer(id, never);
  const exec: FakeEngine["exec"] = (_id, _request, _streams, signal) => {
    const limitMs = limitsMs.at(-1) ?? 0;
    ranAt.push(now);
    if (takesMs < 0 && now < slowFromMs) return Promise.resolve(1);
    const endsMs = now < slowFromMs ? takesMs : Infinity;
    now += Math.min(endsMs, limitMs);
    if (endsMs <= limitMs) return Promise.resolve(0);
    limits.at(-1)?.abort();
    return Promise.reject(signal.reason as Error);
  };
  const sleep = (ms: number) => Promise.resolve(void (now += ms));
  const clock = { now: () => now, elapsed: () => now, sleep };
  const tools = { engine: { ...made, exec }, clock, scrub: (text: string) => text };
  const container = (await made.inspectContainer(id, never))!;
  return { tools, id, container, limitsMs, ranAt, elapsed: () => now };
}

describe("a check that takes six seconds", () => {
  test.each([
    ["the container's own", own, policy],
    ["a probe of x-dso", undefined, probed],
  ])("%s: it is waited for, and asked again where names have moved", async (_, check, health) => {
    const { tools, id, container } = await checked(6000, check);
    expect(await waitServing(tools, id, health, fresh, never)).toMatchObject({ since: 6000 });
    await waitAnswering(tools, id, health, never);
    await waitSteady(tools, container, health, never);
  });
});

describe("a check that fails at once", () => {
  test.each([
    ["a probe of x-dso", undefined, { ...probed, intervalMs: 10_000 }],
    ["the container's own, a slow one", own, { ...policy, intervalMs: 10_000 }],
  ])(
    "%s: it is run often in the first seconds, and ever less often then",
    async (_, check, one) => {
      const { tools, id, limitsMs, ranAt } = await checked(-1, check);
      await expect(waitServing(tools, id, one, fresh, never)).rejects.toThrow("ended with 1");
      expect(limitsMs.length).toBe(ranAt.length);
      const pauses = ranAt.slice(1).map((at, index) => at - (ranAt[index] ?? 0));
      expect(pauses[0]).toBe(200);
      expect(Math.max(...pauses.slice(0, 10))).toBe(200);
      // Of the time to boot, a fortieth is lost at most.
      const late = pauses.filter((ms, index) => ms > Math.max(200, (ranAt[index] ?? 0) / 40 + 1));
      expect(late).toEqual([]);
      expect(Math.max(...pauses)).toBeGreaterThan(600);
    },
  );
});

describe("a check that has said why, and is cut off in its last moment", () => {
  test.each([
    ["a probe of x-dso", undefined, probed],
    ["the container's own, a slow one", own, policy],
  ])("%s: what it had said is told", async (_, check, health) => {
    const { tools, id } = await checked(-1, check, health.timeoutMs - 1000);
    await expect(waitServing(tools, id, health, fresh, never)).rejects.toThrow("ended with 1");
  });
});

describe("a check that never answers", () => {
  test.each([
    ["one run of the container's own, its own timeout", own, policy, [20_000]],
    ["one try of a probe, half of the wait", undefined, probed, [15_000]],
    [
      "one try of a probe in a short wait, all of it",
      undefined,
      { ...probed, timeoutMs: 4000 },
      [4000],
    ],
  ])("has so long: %s", async (_, check, health, first) => {
    const { tools, id, limitsMs, elapsed } = await checked(Infinity, check);
    await expect(waitServing(tools, id, health, fresh, never)).rejects.toThrow("gave no answer");
    expect(limitsMs.slice(0, 1)).toEqual(first);
    // At most a last short try goes beyond.
    expect(elapsed()).toBeLessThanOrEqual(health.timeoutMs + 1000);
  });

  test("once it has served: a run of it, and no longer", async () => {
    const { tools, id, container, elapsed } = await checked(Infinity, own);
    await expect(waitAnswering(tools, id, policy, never)).rejects.toThrow("within 20 s");
    expect(elapsed()).toBe(20_000);
    const steady = waitSteady(tools, container, { ...policy, timeoutMs: 12_000 }, never);
    await expect(steady).rejects.toThrow("gave no answer");
    expect(elapsed()).toBeLessThanOrEqual(33_000);
  });
});
