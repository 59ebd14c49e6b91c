/** A rotation that was killed, and whose old container has credentials that are over. */
import { describe, expect, test } from "vitest";
import { execute } from "../../src/apply/execute.ts";
import { recover } from "../../src/apply/recovery/recovery.ts";
import { database, NAME, replacement, running } from "./database.ts";
import { desiredOf, never } from "./fixture.ts";
import { mortal } from "./mortal.ts";

/** Killed once the new container has come, which then dies; recovered with that answer. */
async function recovered(method: "stop-first" | "blue-green", isForwardOnly: boolean) {
  for (let nth = 1; ; nth++) {
    const world = await running();
    world.engine.addImage("app:2");
    const { died, context: dying } = mortal(
      await world.context(desiredOf(database("app:2"))),
      nth,
      "after",
    );
    void execute(replacement(world.oldId, method), dying, () => undefined, never);
    await died;
    const rotation = [...world.rotations.values()].at(-1);
    const made = rotation?.new?.id;
    if (rotation?.step !== "await-health" || made === undefined) continue;
    world.engine.crash(made, 3);
    const asked: unknown[] = [];
    const tools = {
      ...(await world.context(desiredOf(database("app:2")))),
      isForwardOnly: (versions: unknown) => {
        asked.push(versions);
        return Promise.resolve(isForwardOnly);
      },
    };
    await recover("shop", tools, () => undefined, never);
    const { status } = [...world.rotations.values()].at(-1)!;
    const serving = await world.engine.inspectContainer(NAME, never);
    return { status, image: serving?.config.Image, state: serving?.state, asked };
  }
}

describe.each(["stop-first", "blue-green"] as const)("killed in a rotation by %s", (method) => {
  test("with nothing to go back to, the new one is kept, and a person told", async () => {
    const { status, image, state, asked } = await recovered(method, true);
    expect([status, image, state]).toEqual(["rollback_required", "app:2", "running"]);
    expect(asked).toEqual([
      { from: expect.anything() as unknown, to: expect.anything() as unknown },
    ]);
  });

  test("else everything goes back to the old one", async () => {
    const { status, image } = await recovered(method, false);
    expect([status, image]).toEqual(["rolled_back", "app:1"]);
  });
});
