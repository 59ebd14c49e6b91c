/** Credentials that a store issues, in the loop: who is given them, and when they are given back. */
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { projectScrubber } from "../../src/cli/scrubbing.ts";
import { parseConfig } from "../../src/config/load.ts";
import { acquireLock } from "../../src/lib/lock.ts";
import { DsoError } from "../../src/model/errors.ts";
import type { Rotation } from "../../src/model/journal.ts";
import { DEFAULT_PLAN_OPTIONS, type PlanOptions } from "../../src/model/plan.ts";
import { createProviders } from "../../src/providers/registry.ts";
import type { Context } from "../../src/reconciler/context.ts";
import { giveBackUnused, isForwardOnly } from "../../src/reconciler/leases.ts";
import { withProjectLock } from "../../src/reconciler/lock.ts";
import { apply, open, plan, type Run } from "../../src/reconciler/reconcile.ts";
import { rollbackTarget } from "../../src/reconciler/rollback.ts";
import { createFakeLeased, type FakeLeased } from "../fakes/leased.ts";
import { temporaryDirectory } from "../fixtures/temporary.ts";
import { createWorld, never, requestOf, type World } from "./world.ts";

const CONFIG = `providers:
  db: { type: vault, engine: database, addr: "http://v" }
  other: { type: vault, engine: database, addr: "http://w" }`;
const COMPOSE = `
services:
  web: { image: app:1, environment: { PASSWORD: "dso://db:app#password" }, x-dso: { env: exposed } }
`;
const WITHOUT = `
services:
  web: { image: app:1 }
`;

interface Scene extends World {
  readonly context: Context;
  readonly store: FakeLeased;
  /** Holds something that no project names. */
  readonly other: FakeLeased;
  /** As a command does, under the project's lock. */
  readonly up: (compose?: string, options?: Partial<PlanOptions>) => Promise<Run>;
  readonly look: (compose?: string) => Promise<Run>;
}

async function withLeases(work: (scene: Scene) => Promise<void>): Promise<void> {
  await using directory = await temporaryDirectory();
  const world = await createWorld(directory.path);
  world.engine.addImage("app:1");
  // Locks are taken at the time of this machine.
  const store = createFakeLeased("db", Date.now);
  const other = createFakeLeased("other", Date.now);
  await other.read([{ path: "app" }], never);
  const stores = [
    ["db", () => Promise.resolve(store)],
    ["other", () => Promise.resolve(other)],
  ] as const;
  const providers = createProviders(new Map(stores), "db");
  const config = await parseConfig(CONFIG, join(directory.path, "dso.yaml"));
  const context = { ...world.context, config, providers };
  const report = (event: World["events"][number]): void => void world.events.push(event);
  const look = async (compose = COMPOSE, options: Partial<PlanOptions> = {}): Promise<Run> => {
    const request = requestOf(compose);
    const all = { ...DEFAULT_PLAN_OPTIONS, ...options };
    return plan(context, request, await open(context, request, never), all, report, never);
  };
  await work({
    ...{ ...world, context, store, other, look },
    up: (compose, options) =>
      withProjectLock(
        context,
        "shop",
        { operation: "apply", timeoutMs: 0, report },
        async () => {
          const run = await look(compose, options);
          const settings = { parallelism: 4, force: never, report };
          const { failed } = await apply(context, run, settings, never);
          if (failed[0] !== undefined) throw failed[0].error;
          return run;
        },
        never,
      ),
  });
}

const passwordOf = async ({ engine }: Scene): Promise<string | undefined> =>
  (await engine.inspectContainer("shop-web-1", never))?.config.Env[0];

describe("credentials that are issued for a time", () => {
  it("are issued by an apply, not by a plan, and no plan changes anything while they are good", () =>
    withLeases(async (scene) => {
      const { store, look, up } = scene;
      await look();
      expect(store.held.size).toBe(0);
      await up();
      expect(await passwordOf(scene)).toBe("PASSWORD=password of app@g1");
      expect((await look()).plan.operations).toEqual([]);
      expect([...store.held.keys()]).toEqual(["app@g1"]);
    }));

  it("are replaced once they are due, and given back by the run that took them from the last one", () =>
    withLeases(async (scene) => {
      const { store, up } = scene;
      await up();
      store.due("app");
      await up();
      expect(await passwordOf(scene)).toBe("PASSWORD=password of app@g2");
      expect([store.ended, [...store.held.keys()]]).toEqual([["app@g1"], ["app@g2"]]);
    }));

  it("are given back with the project, and when it names them no more", () =>
    withLeases(async ({ store, up }) => {
      await up();
      await up(WITHOUT);
      expect(store.ended).toEqual(["app@g1"]);
      await up();
      await up(COMPOSE, { mode: "destroy" });
      expect([store.ended, store.held.size]).toEqual([["app@g1", "app@g2"], 0]);
    }));

  it("by a run only where its project names the store, or did: another one may be away", () =>
    withLeases(async ({ context, events, other, store, up }) => {
      other.fail(new DsoError("provider-unreachable", "the other one is away"));
      await up();
      await up(WITHOUT);
      await up(WITHOUT);
      expect([store.ended, other.held.size]).toEqual([["app@g1"], 1]);
      expect(events.filter(({ type }) => type === "warning")).toEqual([]);
      other.fail(undefined);
      expect((await giveBackUnused(context, ["db", "other"], never)).ended).toHaveLength(1);
    }));

  it("and are kept by a store that does not take them: the run is done, and says so", () =>
    withLeases(async (scene) => {
      const { store, context, events, up } = scene;
      await up();
      store.fail(new DsoError("provider-unreachable", "the store is away"));
      await up(WITHOUT);
      const kept = { type: "warning", code: "lease-kept", message: "the store is away" };
      expect(events).toContainEqual(kept);
      expect(store.held.size).toBe(1);
      store.fail(undefined);
      expect(await giveBackUnused(context, ["db"], never)).toMatchObject({
        waiting: 0,
        faults: [],
      });
      expect(store.ended).toEqual(["app@g1"]);
    }));
});

describe("nothing is given back", () => {
  /** A second one, though the container has the first. */
  const superseded = async ({ store, up }: Scene): Promise<void> => {
    await up();
    store.due("app");
    await store.read([{ path: "app" }], never);
  };

  it("that a container has, also one that is stopped", () =>
    withLeases(async (scene) => {
      const { context, engine, store } = scene;
      await superseded(scene);
      await engine.stopContainer("shop-web-1", 0, never);
      expect(await giveBackUnused(context, ["db"], never)).toMatchObject({ ended: [], waiting: 1 });
      await engine.removeContainer("shop-web-1", { force: true, volumes: false }, never);
      await giveBackUnused(context, ["db"], never);
      expect(store.ended).toEqual(["app@g1"]);
    }));

  it("that a run has read which is still at work", () =>
    withLeases(async (scene) => {
      const { context, engine, store } = scene;
      await scene.up();
      const lock = await acquireLock(
        join(context.paths.locksDir, "project-other.lock"),
        { operation: "apply", timeoutMs: 0 },
        never,
      );
      await store.read([{ path: "app", pinned: "g1" }], never);
      store.due("app");
      await store.read([{ path: "app" }], never);
      await engine.removeContainer("shop-web-1", { force: true, volumes: false }, never);
      expect(await giveBackUnused(context, ["db"], never)).toMatchObject({ ended: [], waiting: 1 });
      await lock.release();
      expect((await giveBackUnused(context, ["db"], never)).ended).toHaveLength(1);
      expect(store.ended).toEqual(["app@g1"]);
    }));

  it("that a half-done change may go back to", () =>
    withLeases(async (scene) => {
      const { context, engine, rotations } = scene;
      await superseded(scene);
      await engine.removeContainer("shop-web-1", { force: true, volumes: false }, never);
      const versions = { from: { "db:app#password": "g1" }, to: { "db:app#password": "g2" } };
      const half = { id: "r", project: "shop", status: "in_progress", versions };
      rotations.set("r", half as unknown as Rotation);
      expect((await giveBackUnused(context, ["db"], never)).ended).toEqual([]);
      rotations.delete("r");
      expect((await giveBackUnused(context, ["db"], never)).ended).toHaveLength(1);
    }));

  it("that a project on another engine names", () =>
    withLeases(async (scene) => {
      const { context } = scene;
      await superseded(scene);
      const shop = (await context.state.registered("shop"))!;
      await context.state.register({ ...shop, engineId: "another" });
      await scene.engine.removeContainer("shop-web-1", { force: true, volumes: false }, never);
      expect((await giveBackUnused(context, ["db"], never)).ended).toEqual([]);
    }));
});

it("whoever takes values out of logs has nothing issued, and reads nothing of it", () =>
  withLeases(async ({ context, engine, store, look, up }) => {
    await up();
    store.due("app");
    const { desired } = await look();
    const { containers } = await engine.listProject("shop", never);
    const scrubber = await projectScrubber(context, desired, containers, never);
    expect([...store.held.keys()]).toEqual(["app@g1"]);
    // What it was given shows in its configuration.
    expect(scrubber.scrub("it is password of app@g1")).not.toContain("password of app");
  }));

it("a rollback to what was given back changes nothing", () =>
  withLeases(async ({ context, engine, store, up }) => {
    await up();
    store.due("app");
    await up();
    const changes = engine.changes().length;
    await expect(rollbackTarget(context, "shop", undefined, never)).rejects.toMatchObject({
      code: "secret-version-gone",
    });
    expect(engine.changes()).toHaveLength(changes);
  }));

it("goes forward only where what was before is over, and what comes lives", () =>
  withLeases(async ({ context: { config, providers }, store, up }) => {
    const context = { config, providers, clock: { ...({} as Context["clock"]), now: Date.now } };
    const version = (number: number) => ({ "db:app#password": `g${number}`, "local:x": "1" });
    await up();
    store.due("app");
    await up();
    const between = (from: number, to: number): Promise<boolean> =>
      isForwardOnly(context, { from: version(from), to: version(to) });
    expect([await between(1, 2), await between(2, 2), await between(1, 3)]).toEqual([
      ...[true, false, false],
    ]);
  }));

describe("a plan", () => {
  const warned = ({ plan: { warnings } }: Run): readonly string[] =>
    warnings.filter(({ code }) => code === "unrenewed").map(({ message }) => message);
  const two = `${COMPOSE}  api: { image: app:1, environment: { P: "dso://db:app#password" }, x-dso: { env: exposed } }\n`;

  it("says once of each secret that nobody renews it, and until when what is held is good", () =>
    withLeases(async ({ look, store, up }) => {
      expect(warned(await look(two))).toEqual([
        'nobody renews "db:app": what is issued of it ends by itself',
      ]);
      await up();
      const until = new Date(store.held.get("app@g1")!.expiresAt).toISOString();
      expect(warned(await look(two))).toEqual([
        `nobody renews "db:app": what is held of it ends at ${until}`,
      ]);
      expect(warned(await look(WITHOUT))).toEqual([]);
    }));

  it("says nothing while an agent is there", () =>
    withLeases(async ({ context, look }) => {
      const path = join(context.paths.locksDir, "agent.lock");
      const lock = await acquireLock(path, { operation: "agent", timeoutMs: 0 }, never);
      expect(warned(await look())).toEqual([]);
      await lock.release();
    }));
});
