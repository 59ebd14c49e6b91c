import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { planText } from "../../src/diff/text.ts";
import { DsoError } from "../../src/model/errors.ts";
import { COMPOSE, DSO } from "../../src/model/labels.ts";
import type { Engine } from "../../src/model/ports.ts";
import { composeOf, happening, projectDraft, type ProjectDraft } from "./projects.ts";
import { createWorld, never, type World } from "./world.ts";

async function withWorld(
  outside: (engine: Engine) => Engine,
  work: (world: World) => Promise<void>,
): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "dso-test-"));
  try {
    const world = await createWorld(directory, outside);
    for (const image of ["app:1", "app:2"]) world.engine.addImage(image);
    for (const image of ["job:1", "job:2"]) world.engine.addImage(image, { exits: { code: 0 } });
    await work(world);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** The promise: after apply the state is the desired state, and the next plan is empty. */
async function expectConverged(world: World, compose: string): Promise<void> {
  const next = await world.plan(compose);
  const text = planText(next.plan);
  expect(text, `the next plan is not empty:\n${text}`).toBe("");
  expect(next.plan.changes).toEqual([]);
  await expectState(world, compose);
}

/** Read off the engine, by other means than the planner's. */
async function expectState(world: World, compose: string): Promise<void> {
  const { desired } = await world.plan(compose);
  const { containers, networks, volumes } = await world.engine.listProject("shop", never);
  const wanted = [...desired.services.values()].flatMap(({ name, model, replicas }) =>
    Array.from({ length: replicas }, () => ({
      service: name,
      image: model.image,
      environment: `LOG=${model.environment?.["LOG"] ?? ""}`,
      state: isJob(model.image) ? "exited" : "running",
      networks: isJob(model.image)
        ? []
        : Object.keys(model.networks ?? {})
            .map((network) => `shop_${network}`)
            .sort(),
    })),
  );
  const found = await Promise.all(
    containers.map(async ({ id, labels, state }) => {
      const detail = await world.engine.inspectContainer(id, never);
      return {
        service: labels[COMPOSE.service],
        image: detail?.config.Image,
        environment: detail?.config.Env.find((line) => line.startsWith("LOG=")),
        state,
        networks: isJob(detail?.config.Image)
          ? []
          : detail?.networks.map(({ network }) => network).sort(),
      };
    }),
  );
  const byService = (
    a: { service: string | undefined },
    b: { service: string | undefined },
  ): number => (a.service ?? "").localeCompare(b.service ?? "");
  expect([...found].sort(byService)).toEqual([...wanted].sort(byService));
  expect(networks.map(({ name }) => name)).toEqual(
    expect.arrayContaining([...desired.project.networks.values()].map(({ name }) => name)),
  );
  expect(volumes.map(({ name }) => name)).toEqual(
    expect.arrayContaining([...desired.project.volumes.values()].map(({ name }) => name)),
  );

  const owned = containers.flatMap(({ labels }) => labels[DSO.generation] ?? []);
  expect([...world.generations.keys()].sort()).toEqual(owned.sort());
  for (const { versions, service } of world.generations.values()) {
    if (isJob(desired.services.get(service)?.image)) continue;
    for (const [value, version] of Object.entries(versions)) {
      expect(version, value).toBe(desired.versions.get(value.replace(/#.*/, "")));
    }
  }
  expect(
    [...world.rotations.values()].filter(
      ({ status }) => !/completed|rolled_back|failed/.test(status),
    ),
  ).toEqual([]);
}

/** What has ended well is done: it uses no network any more, and no newer version of a secret. */
function isJob(image: string | undefined): boolean {
  return image?.startsWith("job:") === true;
}

describe("any project", () => {
  it("is as desired after apply, and the next plan is empty, whatever happens to it", async () => {
    const story = fc.tuple(projectDraft, fc.array(happening, { maxLength: 4 }));
    await fc.assert(
      fc.asyncProperty(story, ([draft, happenings]) =>
        withWorld(
          (engine) => engine,
          async (world) => {
            let current: ProjectDraft = draft;
            await world.converge(composeOf(current));
            await expectConverged(world, composeOf(current));
            for (const { edit, befall } of happenings) {
              current = edit?.(current) ?? current;
              await befall?.(world);
              await world.converge(composeOf(current));
              await expectConverged(world, composeOf(current));
            }
          },
        ),
      ),
      { numRuns: 100 },
    );
  }, 600_000);
});

/** The engine as seen through a line that fails once, or for good, at the nth call that changes something. */
interface Line {
  readonly failing: (engine: Engine) => Engine;
  /** From now on; calls before do not count. */
  arm(nth: number, how: Breakdown): void;
  repair(): void;
}

interface Breakdown {
  /** The engine did what was asked although nobody heard of it. */
  readonly when: "before" | "after";
  readonly lasting: boolean;
}

const CHANGING = /^(create|start|stop|kill|unpause|remove|rename|update|connect|disconnect)[A-Z]/;

function createLine(): Line {
  let armed: (Breakdown & { left: number }) | undefined;
  const lost = (): DsoError => new DsoError("engine-unreachable", "the line to the engine is dead");
  const broken = (breakdown: Breakdown & { left: number }): boolean =>
    breakdown.lasting ? breakdown.left <= 0 : breakdown.left === 0;
  return {
    failing: (engine) =>
      new Proxy(engine, {
        get(target, key, receiver) {
          const method: unknown = Reflect.get(target, key, receiver);
          // What the engine tells by itself is no answer that somebody waits for.
          if (typeof method !== "function" || key === "events") return method;
          return async (...args: unknown[]): Promise<unknown> => {
            const at = armed;
            const call = method as (...args: unknown[]) => unknown;
            const changes = typeof key === "string" && CHANGING.test(key);
            if (at !== undefined && changes) at.left -= 1;
            // Once it is dead for good, nothing can be asked either.
            const struck = at !== undefined && broken(at) && (changes || at.lasting);
            if (!struck) return call(...args);
            if (changes && at.left === 0 && at.when === "after") await call(...args);
            throw lost();
          };
        },
      }),
    arm: (nth, how) => (armed = { ...how, left: nth }),
    repair: () => (armed = undefined),
  };
}

describe("any project whose engine fails in the middle", () => {
  it("is as desired after the next run", async () => {
    const story = fc.record({
      draft: projectDraft,
      happening,
      first: fc.boolean(),
      nth: fc.integer({ min: 1, max: 15 }),
      how: fc.record({ when: fc.constantFrom("before", "after"), lasting: fc.boolean() }),
    });
    await fc.assert(
      fc.asyncProperty(story, async ({ draft, happening: { edit, befall }, first, nth, how }) => {
        const line = createLine();
        await withWorld(line.failing, async (world) => {
          if (!first) {
            await world.converge(composeOf(draft));
            await befall?.(world);
          }
          const compose = composeOf(first ? draft : (edit?.(draft) ?? draft));
          const run = await world.plan(compose);
          line.arm(nth, how);
          await world.apply(run).catch(refusedByLine);
          line.repair();
          await world.converge(compose);
          await expectConverged(world, compose);
        });
      }),
      { numRuns: 100 },
    );
  }, 600_000);
});

/** An apply that cannot begin or end says so; anything else is a defect. */
function refusedByLine(error: unknown): void {
  if (!(error instanceof DsoError) || error.code !== "engine-unreachable") throw error;
}
