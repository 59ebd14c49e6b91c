/**
 * What other clients than the promise is for meet in a rotation, and many requests at once.
 * `DSO_ROTATIONS=10` makes each loop longer.
 */
import { expect, test } from "vitest";
import { createHome } from "./cli.ts";
import type { Loop } from "./requestLoop.ts";
import {
  composeOf,
  expectNoneOfTheOld,
  rotateThrough,
  startApp,
  underLoad,
  type Asking,
} from "./underLoad.ts";

const ROTATIONS = Number(process.env["DSO_ROTATIONS"] ?? 2);
const LONG = 60_000 + ROTATIONS * 60_000;
const VERSIONS = Array.from({ length: ROTATIONS }, (_, index) => `v${index + 1}`);

async function measure(asking: Asking) {
  await using home = await createHome();
  const project = await startApp(home, await composeOf({ program: "node" }));
  let replaced = new Map<string, number>() as ReadonlyMap<string, number>;
  const loop = await underLoad(home, project, asking, async () => {
    replaced = await rotateThrough(home, VERSIONS);
  });
  return { loop, replaced };
}

const total = (counts: Loop["heard"]): number =>
  Object.values(counts).reduce((sum, count) => sum + count, 0);

test(
  "a thousand requests a second, of which none fails",
  async () => {
    const { loop, replaced } = await measure({ name: "web", perSecond: 1000 });
    expect(loop.failed).toEqual({});
    expectNoneOfTheOld(loop, replaced);
  },
  LONG,
);

// What comes of these is no promise: it is printed, and docs/performance.md has the figures.
test(
  "clients that keep their connections are counted",
  async () => {
    const { loop } = await measure({ name: "web", mode: "keep-alive" });
    expect(total(loop.heard) + total(loop.failed)).toBe(loop.sent);
    expect(Object.keys(loop.heard)).toEqual(["v0", ...VERSIONS]);
    expect(loop.last).toBe(VERSIONS.at(-1));
  },
  LONG,
);

test(
  "clients that never look a name up again are counted, and find the old one until it is gone",
  async () => {
    const { loop, replaced } = await measure({ name: "web", mode: "resolve-once" });
    expect(total(loop.heard) + total(loop.failed)).toBe(loop.sent);
    expect(loop.heard["v0"]).toBeGreaterThan(0);
    expect(total(loop.failed)).toBeGreaterThan(0);
    expect(loop.lastAt["v0"]).toBeLessThanOrEqual(replaced.get("v1")!);
  },
  LONG,
);
