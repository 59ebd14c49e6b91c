/** Three replicas that change, some of which fail: `failure_action` and `max_failure_ratio`. */
import { describe, expect, test } from "vitest";
import type { Outcome } from "../../src/apply/context.ts";
import type { UpdateModel } from "../../src/model/deploy.ts";
import { createWorld, desiredOf, never, planOf, service, type World } from "./fixture.ts";
import { DsoError } from "../../src/model/errors.ts";

interface Scene {
  readonly update?: UpdateModel;
  readonly rollback?: UpdateModel;
  readonly pace?: "update" | "rollback";
  readonly replicas?: number;
  /** Numbers of the replicas whose new container ends at once. */
  readonly failing: readonly number[];
  readonly all?: boolean;
  /** What the engine answers where it is to make one of those. */
  readonly refusal?: DsoError;
  readonly method?: "blue-green" | "stop-first";
  readonly rollbackOnFailure?: boolean;
  /** Ends the run once the new container of that replica is being made. */
  readonly stopAt?: number;
}

interface Result {
  readonly world: World;
  readonly outcome: Outcome;
  /** The image of each replica, in order. */
  readonly images: readonly (string | undefined)[];
}

const nameOf = (number: number): string => `shop-web-${number}`;

async function change(scene: Scene): Promise<Result> {
  const { update = {}, rollback = {}, pace = "update", replicas = 3, failing } = scene;
  const world = createWorld();
  const numbers = Array.from({ length: replicas }, (_, index) => index + 1);
  const created = numbers.map((number) => {
    const common = { kind: "create-container", service: "web", oneShot: false } as const;
    return { ...common, number, name: nameOf(number) };
  });
  const network = { kind: "create-network", network: "default" } as const;
  await world.run(desiredOf(service("web", { image: "app:1" })), planOf([network, ...created]));
  const ids = await Promise.all(
    numbers.map(async (one) => (await world.engine.inspectContainer(nameOf(one), never))!.id),
  );
  world.engine.addImage("app:2");
  const deploy = { update_config: update, rollback_config: rollback };
  const web = service("web", { image: "app:2", deploy });
  const policy = { ...web.policy, rollbackOnFailure: scene.rollbackOnFailure ?? true };
  const wanted = desiredOf({ ...web, policy });
  const method = scene.method ?? "blue-green";
  const replaced = numbers.map((number, index) => ({
    ...({ kind: "replace-container", service: "web", method } as const),
    ...{ number, name: nameOf(number), oldId: ids[index] ?? "", oldName: nameOf(number) },
    ...{ expectedDowntimeMs: 0, address: `container.web[${number}]` },
    ...(scene.all === true ? { after: [] } : {}),
  }));
  const dependent = { kind: "create-volume", volume: "data" } as const;
  const engine = failingEngine(world, failing, scene.refusal);
  const plan = planOf([...replaced, dependent], { pace });
  const stop = new AbortController();
  const create: typeof engine.createContainer = (...all) => {
    if (all[0] === `${nameOf(scene.stopAt ?? 0)}-new`) stop.abort();
    return engine.createContainer(...all);
  };
  const stopping = { ...engine, createContainer: create };
  const outcome = await world.run(wanted, plan, { engine: stopping, signal: stop.signal });
  const found = await Promise.all(
    numbers.map((one) => world.engine.inspectContainer(nameOf(one), never)),
  );
  return { world, outcome, images: found.map((one) => one?.config.Image) };
}

function failingEngine(world: World, failing: readonly number[], refusal?: DsoError) {
  const { engine } = world;
  const isOne = (name: string): boolean => failing.some((one) => name === `${nameOf(one)}-new`);
  const made = new Set<string>();
  const create: typeof engine.createContainer = async (...all) => {
    if (refusal !== undefined && isOne(all[0])) throw refusal;
    const id = await engine.createContainer(...all);
    if (isOne(all[0])) made.add(id);
    return id;
  };
  const start: typeof engine.startContainer = async (id, signal) => {
    await engine.startContainer(id, signal);
    if (made.has(id)) engine.crash(id, 3);
  };
  return { ...engine, createContainer: create, startContainer: start };
}

function codes({ outcome }: Result): readonly string[] {
  return outcome.failed.map(({ error }) => error.code);
}

const [OLD, NEW] = ["app:1", "app:2"];

describe("of three replicas the second fails", () => {
  test("pause, the default: no further one is begun, those replaced stay", async () => {
    for (const update of [{}, { failure_action: "pause" }]) {
      const result = await change({ update, failing: [2] });
      expect(result.images).toEqual([NEW, OLD, OLD]);
      expect(codes(result)).toEqual(["rolled-back"]);
      expect(result.outcome.skipped.map(({ kind }) => kind)).toEqual([
        "replace-container",
        "create-volume",
      ]);
      expect(result.outcome.toRollBack).toEqual([]);
    }
  });

  test("continue: the others go on, what comes after too, and it is told", async () => {
    const result = await change({ update: { failure_action: "continue" }, failing: [2] });
    expect(result.images).toEqual([NEW, OLD, NEW]);
    expect(codes(result)).toEqual(["rolled-back"]);
    expect(result.outcome.skipped).toEqual([]);
    expect(result.outcome.done).toHaveLength(3);
    expect(result.world.told("warning")).toEqual([
      'service "web": 1 of 3 replicas failed so far, and its update goes on, as its files say',
    ]);
  });

  test("rollback: it ends, and the service is named as one to be rolled back", async () => {
    const result = await change({ update: { failure_action: "rollback" }, failing: [2] });
    expect(result.images).toEqual([NEW, OLD, OLD]);
    expect(result.outcome.toRollBack).toEqual([{ service: "web", failed: 1, total: 3 }]);
  });

  test("the way back is never itself taken back, and has words of its own", async () => {
    const words = { failure_action: "rollback" };
    const back = await change({ update: words, rollback: words, pace: "rollback", failing: [2] });
    expect([back.images, back.outcome.toRollBack]).toEqual([[NEW, OLD, OLD], []]);
    const rollback = { failure_action: "continue" };
    const on = await change({ update: words, rollback, pace: "rollback", failing: [2] });
    expect(on.images).toEqual([NEW, OLD, NEW]);
  });
});

describe("max_failure_ratio", () => {
  test.each([
    { ratio: 0, failing: [1], images: [OLD, OLD, OLD, OLD, OLD] },
    { ratio: 0.19, failing: [2], images: [NEW, OLD, OLD, OLD, OLD] },
    { ratio: 0.2, failing: [2], images: [NEW, OLD, NEW, NEW, NEW] },
    { ratio: 0.2, failing: [2, 4], images: [NEW, OLD, NEW, OLD, OLD] },
    { ratio: 0.4, failing: [2, 4], images: [NEW, OLD, NEW, OLD, NEW] },
    { ratio: 1, failing: [1, 2, 3, 4, 5], images: [OLD, OLD, OLD, OLD, OLD] },
  ])("$ratio, where $failing of five fail", async ({ ratio, failing, images }) => {
    const update = { failure_action: "rollback", max_failure_ratio: ratio };
    const result = await change({ update, replicas: 5, failing });
    expect(result.images).toEqual(images);
    expect(result.outcome.failed).toHaveLength(failing.length);
    const beyond = failing.length / 5 > ratio;
    expect(result.outcome.toRollBack).toHaveLength(beyond ? 1 : 0);
  });

  test("counts them also where all go at once", async () => {
    const update = { failure_action: "rollback", max_failure_ratio: 0.4 };
    const { outcome } = await change({ update, failing: [1, 3], all: true });
    expect(outcome.failed).toHaveLength(2);
    expect(outcome.toRollBack).toEqual([{ service: "web", failed: 2, total: 3 }]);
  });
});

test("what says nothing about the replica ends it, whatever the files say of failures", async () => {
  const refusal = new DsoError("engine-unreachable", "the engine is gone");
  for (const failure_action of ["continue", "rollback"]) {
    const result = await change({ update: { failure_action }, failing: [2], refusal });
    expect(result.images).toEqual([NEW, OLD, OLD]);
    expect(result.outcome.toRollBack).toEqual([]);
  }
  const refused = new DsoError("engine-refused", "no such image");
  const on = await change({
    update: { failure_action: "continue" },
    failing: [2],
    refusal: refused,
  });
  expect(on.images).toEqual([NEW, OLD, NEW]);
});

describe("of a replica that does not serve on, the failure is never tolerated", () => {
  const ways = [{ failure_action: "continue" }, { max_failure_ratio: 1 }];
  test.each(ways)("%j: left for a person, with the old one stopped", async (update) => {
    const left = { update, failing: [1, 2, 3], rollbackOnFailure: false } as const;
    const { outcome, images } = await change({ ...left, method: "stop-first" });
    expect(outcome.failed).toMatchObject([{ tolerated: false }]);
    expect(images.slice(1)).toEqual([OLD, OLD]);
    const beside = await change({ ...left, method: "blue-green" });
    expect(beside.outcome.failed.map(({ tolerated }) => tolerated)).toEqual([true, true, true]);
    expect(beside.images).toEqual([OLD, OLD, OLD]);
  });

  test.each(ways)("%j: not put back", async (update) => {
    const refusal = new DsoError("rollback-failed", "shop-web-2 could not be put back");
    const result = await change({ update, failing: [2], refusal });
    expect(result.outcome.failed).toMatchObject([{ tolerated: false }]);
    expect(result.images).toEqual([NEW, OLD, OLD]);
  });
});

test.each(["lock-lost", "container-removed"] as const)(
  "%s is no replica that failed",
  async (code) => {
    const refusal = new DsoError(code, "somebody else did it");
    for (const failure_action of ["continue", "rollback"]) {
      const { outcome } = await change({ update: { failure_action }, failing: [2], refusal });
      expect(outcome.failed).toMatchObject([{ tolerated: false }]);
      expect(outcome.toRollBack).toEqual([]);
    }
  },
);

test("what a request to stop leaves undone is interrupted, also after a failure that was tolerated", async () => {
  const update = { failure_action: "continue" };
  const { world, outcome } = await change({ update, failing: [1], stopAt: 2 });
  expect(codes({ world, outcome, images: [] })).toEqual(["rolled-back", "aborted"]);
  const skipped = world.events.flatMap((one) =>
    one.type === "operation-skipped" ? [one.interrupted] : [],
  );
  expect(skipped).toEqual([true, true]);
});
