import { inspect } from "node:util";
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
      "service web: start container shop-web-1: the engine refused: no [secret] here",
    );
  });
});

describe("what a service fails with", () => {
  test.each([
    [{ exits: { code: 7 }, log: "no configuration\n" }, "Its last lines are above."],
    [{ exits: { code: 7 } }, "Its log is empty."],
  ])("%j: has its place in the files, and says where its words are", async (image, hint) => {
    const world = createWorld();
    world.engine.addImage("app:1", image);
    const { failed } = await world.run(desiredOf(service("web")), planOf([network, createWeb]));
    const position = { file: "/srv/shop/compose.yaml", line: 2, column: 3 };
    expect(failed).toMatchObject([{ error: { code: "container-exited", position, hint } }]);
  });

  test("also when it was replaced, and when others wait for it", async () => {
    const world = await running();
    world.engine.addImage("app:2", { exits: { code: 7 }, log: "bad schema\n" });
    const { failed } = await world.run(desiredOf(database("app:2")), replacement(world.oldId));
    const told = { position: { line: 2 }, hint: "Its last lines are above." };
    expect(failed).toMatchObject([{ error: { code: "rolled-back", ...told } }]);

    const other = createWorld();
    const image = { detail: { healthcheckIntervalMs: 1000 }, unhealthy: true, log: "no row\n" };
    other.engine.addImage("app:1", image);
    const condition = "service_healthy" as const;
    const wait = { kind: "wait-service", service: "web", required: true, condition } as const;
    const plan = planOf([network, createWeb, wait]);
    const second = await other.run(desiredOf(service("web")), plan);
    const hint = expect.stringMatching(
      /^Its last lines are above\. Look at its healthcheck/,
    ) as string;
    expect(second.failed).toMatchObject([
      { error: { code: "dependency-failed", position: { line: 2 }, hint } },
    ]);
  });

  test("is not blamed on the files where the engine is away", async () => {
    const world = createWorld();
    const away = new DsoError("engine-unreachable", "the line is dead");
    world.engine.failOn("createContainer", 1, away);
    const { failed } = await world.run(desiredOf(service("web")), planOf([network, createWeb]));
    const { code, message } = away;
    expect(failed).toMatchObject([{ error: { code, message } }]);
    expect(failed[0]?.error.position).toBeUndefined();
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

test("what the engine said beside what the message quotes is hidden from whoever looks for a defect", async () => {
  const world = createWorld();
  const words = 'exec: "app": executable file not found, env A=hunter2-value';
  const refusal = refusalError(new Refusal(400, words), "start container shop-web-1");
  expect(refusal.message).not.toContain("hunter2");
  const engine = { ...world.engine, startContainer: () => Promise.reject(refusal) };
  const web = service("web", {}, withFile("dsofile://db#password"));
  const { failed } = await world.run(desiredOf(web), planOf([network, createWeb]), { engine });
  expect(inspect(failed, { depth: 9 })).toContain("A=[secret]");
  expect(inspect(failed, { depth: 9 })).not.toContain("hunter2");
});
