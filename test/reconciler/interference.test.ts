/**
 * Somebody else stops, starts, renames or removes a container of a service, just before any call that
 * its rotation makes. The run, or one more, and no person make it whole, and nothing is left over.
 */
import { describe, expect, test } from "vitest";
import { planText } from "../../src/diff/text.ts";
import type { DsoError } from "../../src/model/errors.ts";
import { COMPOSE, DSO } from "../../src/model/labels.ts";
import type { Run } from "../../src/reconciler/run.ts";
import { temporaryDirectory } from "../fixtures/temporary.ts";
import { createMeddler, type Deed, DEEDS, isUp, type Meddler } from "./meddling.ts";
import { createWorld, never, type World } from "./world.ts";

/** Milliseconds that a row of the matrix may take on a busy machine. */
const LONG = 300_000;

const NAME = "shop-web-1";

interface Case {
  readonly method: "blue-green" | "stop-first" | "refresh";
  /** What comes of the new version. */
  readonly then: "healthy" | "unhealthy";
}

const CASES: readonly Case[] = [
  { method: "blue-green", then: "healthy" },
  { method: "blue-green", then: "unhealthy" },
  { method: "stop-first", then: "healthy" },
  { method: "stop-first", then: "unhealthy" },
  { method: "refresh", then: "healthy" },
];

function compose({ method }: Case, image: string): string {
  const more = {
    "blue-green": {},
    "stop-first": { volumes: ["data:/data"] },
    refresh: { "x-dso": { strategy: "signal" } },
  }[method];
  const environment = { PASSWORD: "dsofile://db#password" };
  const web = { image, restart: "always", environment, ...more };
  return JSON.stringify({ services: { web }, volumes: { data: {} } });
}

interface Stage {
  readonly world: World;
  readonly meddler: Meddler;
  readonly how: Case;
}

/** The service runs, and what comes next is said already. */
async function staged(how: Case, directory: string): Promise<Stage> {
  const meddler = createMeddler(how.method);
  const world = await createWorld(directory, meddler.outside);
  const checked = { detail: { healthcheckIntervalMs: 1000 }, healthyAfter: 2 };
  world.engine.addImage("app:1", checked);
  world.engine.addImage("app:2", { ...checked, unhealthy: how.then === "unhealthy" });
  await world.converge(compose(how, "app:1"));
  if (how.method === "refresh") world.secrets["db"]?.push({ password: "two", user: "u" });
  return { world, meddler, how };
}

/** The run in which somebody meddles; false once it makes fewer calls than that. */
async function meddleAt(
  { world, meddler, how }: Stage,
  nth: number,
  deed: Deed,
  cut: boolean,
): Promise<boolean> {
  const run = await world.plan(compose(how, how.method === "refresh" ? "app:1" : "app:2"));
  expect(methodsOf(run)).toEqual([how.method]);
  await meddler.arm(world.engine, nth, deed, cut);
  const failed = await world.apply(run).then(
    (outcome) => outcome.failed.map(({ error }) => error),
    (error: unknown) => [error as DsoError],
  );
  expect(failed.map(({ code }) => code)).not.toContain("internal");
  return meddler.disarm();
}

/** One more run, of a version that is known to work. */
async function mend({ world, how }: Stage): Promise<void> {
  const good = compose(how, how.then === "healthy" && how.method !== "refresh" ? "app:2" : "app:1");
  await world.converge(good);
  await expectWhole(world);
  expect(planText((await world.plan(good)).plan)).toBe("");
}

function methodsOf({ plan }: Run): readonly string[] {
  return plan.operations.flatMap((one) =>
    one.kind === "replace-container"
      ? [one.method]
      : one.kind === "refresh-container"
        ? ["refresh"]
        : [],
  );
}

/** What somebody has put in the place of the service's container. */
async function usurper({ engine }: World): Promise<string | undefined> {
  const found = await engine.inspectContainer(NAME, never);
  return found === undefined || COMPOSE.service in found.labels ? undefined : found.id;
}

async function expectWhole(world: World): Promise<void> {
  const { containers, networks } = await world.engine.listProject("shop", never);
  expect(containers.map(({ name }) => name)).toEqual([NAME]);
  // What died by itself is started again by the engine, soon.
  expect(containers[0]?.state).toMatch(/^(running|restarting)$/);
  expect(networks.map(({ name }) => name)).toEqual(["shop_default"]);
  const found = (await world.engine.inspectContainer(NAME, never))!;
  expect(found.labels[COMPOSE.service]).toBe("web");
  expect(found.hostConfig.RestartPolicy).toEqual({ Name: "always" });
  expect(found.networks.map(({ aliases }) => aliases.includes("web"))).toEqual([true]);
  expect([...world.generations.keys()]).toEqual([found.labels[DSO.generation]]);
  const open = [...world.rotations.values()].filter(({ status }) => /ing$|progress/.test(status));
  expect(open).toEqual([]);
}

/** Of what could still run something does, before anybody runs anything again. */
async function expectServed({ world, meddler, how }: Stage, { does }: Deed): Promise<void> {
  // A container that did not run when it began is not started, and what is paused is left so.
  if ([...world.rotations.values()].at(-1)?.old?.running !== true) return;
  expect(meddler.wrongs).toEqual([]);
  if (!meddler.looked() || (how.method === "refresh" && does === "pause")) return;
  const { containers } = await world.engine.listProject("shop", never);
  const found = await Promise.all(
    containers.map(({ id }) => world.engine.inspectContainer(id, never)),
  );
  const seen = found.map((one) => `${one?.name} ${one?.state}`).join();
  const serves = found.some(
    (one) => one && isUp(one) && one.networks.some(({ aliases }) => aliases.includes("web")),
  );
  expect(containers.length === 0 || serves, seen).toBe(true);
}

/** What is wrong after the deed before the nth call; undefined where the run made fewer calls. */
async function faultAt(
  how: Case,
  nth: number,
  deed: Deed,
  cut: boolean,
): Promise<string | undefined> {
  await using directory = await temporaryDirectory();
  const stage = await staged(how, directory.path);
  const { meddler } = stage;
  try {
    if (!(await meddleAt(stage, nth, deed, cut))) return undefined;
    if (!cut) await expectServed(stage, deed);
    await mend(stage);
    return "";
  } catch (error) {
    return `before call ${nth}, ${meddler.at()}: ${error instanceof Error ? error.message : ""}`;
  }
}

/** What is started runs already, except where the old one is stopped first; a refresh makes nothing new. */
function isPossible({ method }: Case, { to, does }: Deed): boolean {
  if (method === "refresh") return to === "old" && does !== "start";
  return does !== "start" || method === "stop-first";
}

const cases = CASES.flatMap((how) =>
  DEEDS.filter((deed) => isPossible(how, deed)).map((deed) => ({ ...how, ...deed })),
);

/** Of a row of the matrix, everything that is wrong. */
async function faultsOf({ method, then, ...deed }: Case & Deed, cut: boolean): Promise<string[]> {
  const faults: string[] = [];
  let nth = 1;
  for (; ; nth += 1) {
    const fault = await faultAt({ method, then }, nth, deed, cut);
    if (fault === undefined) break;
    if (fault !== "") faults.push(fault);
  }
  expect(nth).toBeGreaterThan(8);
  return faults;
}

describe("somebody else, before any call of a rotation", () => {
  const title = "by $method to a version that is $then: $does of the $to one";
  test.each(cases)(title, async (row) => expect(await faultsOf(row, false)).toEqual([]), LONG);

  const grave = cases.filter(({ then, does }) => then === "healthy" && /remove|stop/.test(does));
  test.each(grave)(
    `${title}, when it was cut off`,
    async (row) => expect(await faultsOf(row, true)).toEqual([]),
    LONG,
  );

  test.each(["blue-green", "stop-first"] as const)(
    "by %s: what takes the name between two holders is told of, and the service runs on",
    async (method) => {
      const deed = { to: "old", does: "supplant" } as const;
      let taken = 0;
      for (let nth = 1, reached = true; reached; nth += 1) {
        await using directory = await temporaryDirectory();
        const stage = await staged({ method, then: "healthy" }, directory.path);
        reached = await meddleAt(stage, nth, deed, false);
        const id = await usurper(stage.world);
        if (id === undefined) continue;
        taken += 1;
        await expectServed(stage, deed);
        const words = `service web needs the container name ${NAME}`;
        await expect(stage.world.converge(compose(stage.how, "app:2"))).rejects.toThrow(words);
        await expectServed(stage, deed);
        await stage.world.engine.removeContainer(id, { force: true, volumes: false }, never);
        await mend(stage);
      }
      expect(taken).toBeGreaterThan(0);
    },
  );
});
