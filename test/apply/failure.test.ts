import { describe, expect, test } from "vitest";
import { Refusal, refusalError } from "../../src/docker/errors.ts";
import { DsoError } from "../../src/model/errors.ts";
import type { Engine } from "../../src/model/ports.ts";
import type { FakeImage } from "../fakes/engine.ts";
import { database, expectWhole, replacement, running } from "./database.ts";
import { createWeb, createWorld, desiredOf, network, planOf } from "./fixture.ts";
import { service, withFile } from "./fixture.ts";

describe("a secret of one character", () => {
  /** A `web` that has the secret `1` fails to come up in this way. */
  async function messageOf(image: FakeImage, engine: Partial<Engine> = {}): Promise<string> {
    const world = createWorld();
    world.secrets.set("local:db#password", "1");
    world.engine.addImage("app:1", image);
    const web = service("web", {}, withFile("dsofile://db#password"));
    const plan = planOf([network, createWeb]);
    const outcome = await world.run(desiredOf(web), plan, {
      engine: { ...world.engine, ...engine },
    });
    return outcome.failed[0]?.error.message ?? "";
  }

  test("is not looked for in our own sentences", async () => {
    expect(await messageOf({ exits: { code: 1 } })).toBe("container shop-web-1 ended with 1");
  });

  test("is hidden in what the engine says, and there alone", async () => {
    const refusal = refusalError(new Refusal(500, "no 1 here"), "start container shop-web-1");
    expect(await messageOf({}, { startContainer: () => Promise.reject(refusal) })).toBe(
      "start container shop-web-1: the engine refused: no [secret] here",
    );
  });
});

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
