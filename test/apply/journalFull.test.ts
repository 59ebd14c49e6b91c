/** The disk under the state directory fills up in the middle: it is told, something serves, and with room it ends well. */
import { describe, expect, test } from "vitest";
import type { ApplyContext } from "../../src/apply/context.ts";
import { recover } from "../../src/apply/recovery/recovery.ts";
import { DsoError } from "../../src/model/errors.ts";
import {
  database,
  expectWhole,
  NAME,
  replacement,
  running,
  type ReplaceMethod,
  type Running,
} from "./database.ts";
import { desiredOf, never, planOf } from "./fixture.ts";

const full = new DsoError("disk-full", "no room to write rotations-shop.json");

/** The state directory takes so many writes of the journal, and then nothing more. */
async function narrow(world: Running, desired: ReturnType<typeof desiredOf>, writes: number) {
  const { journal, addresses } = await world.context(desired);
  let left = writes;
  const ports: Pick<ApplyContext, "journal" | "addresses"> = {
    journal: {
      ...journal,
      write: (rotation) => (left-- > 0 ? journal.write(rotation) : Promise.reject(full)),
    },
    addresses: {
      ...addresses,
      release: (...all) => (left < 0 ? Promise.reject(full) : addresses.release(...all)),
    },
  };
  return { ports, isFull: () => left < 0 };
}

/** A run whose journal takes `writes` writes; answers whether it wanted more. */
async function filling(
  world: Running,
  image: string,
  plan: ReturnType<typeof planOf>,
  writes: number,
): Promise<boolean> {
  const desired = desiredOf(database(image));
  const { ports, isFull } = await narrow(world, desired, writes);
  const { failed } = await world.run(desired, plan, ports);
  if (!isFull()) return false;
  const [first] = failed;
  const words = [first?.error, first?.error.cause].map((one) => String(one));
  expect(words.join(), `after ${writes}`).toContain("no room to write");
  return true;
}

async function isUp({ engine }: Running): Promise<boolean> {
  const { containers } = await engine.listProject("shop", never);
  return containers.some(({ state }) => state === "running");
}

const cases = ["blue-green", "stop-first"] as const satisfies readonly ReplaceMethod[];

describe("a full disk under the journal", () => {
  test.each(cases)("at any write of %s", async (method) => {
    let writes = 0;
    for (let wanted = true; wanted; writes += 1) {
      const world = await running();
      wanted = await filling(world, "app:2", replacement(world.oldId, method), writes);
      expect(await isUp(world), `after ${writes}`).toBe(true);
      await recover(
        "shop",
        await world.context(desiredOf(database("app:2"))),
        () => undefined,
        never,
      );
      await expectWhole(world, (await world.engine.inspectContainer(NAME, never))!.config.Image);
    }
    expect(writes).toBeGreaterThan(10);
  });

  test.each(cases)("at any write of %s that fails", async (method) => {
    for (let writes = 0, wanted = true; wanted; writes += 1) {
      const world = await running();
      world.engine.addImage("app:2", { exits: { code: 3, afterLooks: 2 } });
      const desired = desiredOf(database("app:2"));
      const { ports, isFull } = await narrow(world, desired, writes);
      await world.run(desired, replacement(world.oldId, method), ports);
      wanted = isFull();
      const names = (await world.engine.listProject("shop", never)).containers;
      expect(
        names.map(({ name }) => name),
        `after ${writes}`,
      ).toEqual([NAME]);
      await recover("shop", await world.context(desired), () => undefined, never);
      await expectWhole(world, "app:1");
    }
  });

  test.each(cases)(
    "at any write of %s, nothing is left that recovery takes away",
    async (method) => {
      for (let writes = 0, wanted = true; wanted; writes += 1) {
        const world = await running();
        world.engine.addImage("app:2", { exits: { code: 3, afterLooks: 2 } });
        const { policy } = database("app:2");
        const kept = database("app:2", { policy: { ...policy, rollbackOnFailure: false } });
        const { ports, isFull } = await narrow(world, desiredOf(kept), writes);
        const plan = replacement(world.oldId, method);
        const { failed } = await world.run(desiredOf(kept), plan, ports);
        wanted = isFull();
        if (!wanted) expect(failed[0]?.error.message).toContain("left for you");
        const names = async (): Promise<readonly string[]> =>
          (await world.engine.listProject("shop", never)).containers.map(({ name }) => name);
        const before = await names();
        expect(before, `after ${writes}`).toHaveLength(wanted ? 1 : 2);
        await recover("shop", await world.context(desiredOf(kept)), () => undefined, never);
        expect(await names(), `after ${writes}`).toEqual(before);
      }
    },
  );

  test("does not stop a database that nobody had stopped", async () => {
    const world = await running();
    const { journal } = await world.context(desiredOf(database("app:2")));
    let isFull = false;
    const filled: typeof journal = {
      ...journal,
      write: (rotation) => {
        isFull ||= rotation.step === "stop-old";
        return isFull ? Promise.reject(full) : journal.write(rotation);
      },
    };
    const plan = replacement(world.oldId, "stop-first");
    await world.run(desiredOf(database("app:2")), plan, { journal: filled });
    expect(world.engine.calls.filter((call) => call.startsWith("stop"))).toEqual([]);
    const old = await world.engine.inspectContainer(world.oldId, never);
    expect([old?.name, old?.state]).toEqual([NAME, "running"]);
  });

  test("at any write of a refresh", async () => {
    const refresh = {
      kind: "refresh-container",
      service: "db",
      number: 1,
      signal: "SIGHUP",
    } as const;
    for (let writes = 0, wanted = true; wanted; writes += 1) {
      const world = await running();
      const plan = planOf([{ ...refresh, containerId: world.oldId }]);
      wanted = await filling(world, "app:1", plan, writes);
      expect(await isUp(world), `after ${writes}`).toBe(true);
      await recover(
        "shop",
        await world.context(desiredOf(database("app:1"))),
        () => undefined,
        never,
      );
      await expectWhole(world, "app:1");
    }
  });
});
