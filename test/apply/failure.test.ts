import { expect, test } from "vitest";
import { DsoError } from "../../src/model/errors.ts";
import { database, expectWhole, replacement, running } from "./database.ts";
import { desiredOf } from "./fixture.ts";

test("a log that cannot be read keeps no rollback waiting", async () => {
  const world = await running();
  world.engine.addImage("app:2", { exits: { code: 3 } });
  const unreadable = new DsoError("engine-refused", "the driver does not support reading");
  const engine = { ...world.engine, logTail: () => Promise.reject(unreadable) };
  const plan = replacement(world.oldId);
  const outcome = await world.run(desiredOf(database("app:2")), plan, { engine });
  expect(outcome.failed).toMatchObject([{ error: { code: "rolled-back" } }]);
  expect(world.told("warning")).toContain("the driver does not support reading");
  await expectWhole(world, "app:1");
});
