/** The disk under the journal fills up in the middle: it is told, something serves, and with room it ends well. */
import { describe, expect, test } from "vitest";
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

/** A run whose journal takes `writes` writes; answers whether it wanted more. */
async function filling(
  world: Running,
  image: string,
  plan: ReturnType<typeof planOf>,
  writes: number,
): Promise<boolean> {
  const desired = desiredOf(database(image));
  const { journal } = await world.context(desired);
  const full = new DsoError("disk-full", "no room to write rotations-shop.json");
  let left = writes;
  const narrow = {
    ...journal,
    write: (...all: Parameters<typeof journal.write>) =>
      left-- > 0 ? journal.write(...all) : Promise.reject(full),
  };
  const { failed } = await world.run(desired, plan, { journal: narrow });
  if (left >= 0) return false;
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
      const { journal } = await world.context(desired);
      let left = writes;
      const narrow = {
        ...journal,
        write: (...all: Parameters<typeof journal.write>) =>
          left-- > 0 ? journal.write(...all) : Promise.reject(new DsoError("disk-full", "no room")),
      };
      await world.run(desired, replacement(world.oldId, method), { journal: narrow });
      wanted = left < 0;
      await recover("shop", await world.context(desired), () => undefined, never);
      await expectWhole(world, "app:1");
    }
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
