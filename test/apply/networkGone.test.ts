/** Somebody removes a network in the middle of a replacement: whoever is left serves, and nothing is stuck. */
import { expect, test } from "vitest";
import { execute } from "../../src/apply/execute.ts";
import { recover } from "../../src/apply/recovery/recovery.ts";
import {
  database,
  NAME,
  replacement,
  type ReplaceMethod,
  running,
  type Running,
} from "./database.ts";
import { desiredOf, never } from "./fixture.ts";
import { mortal } from "./mortal.ts";

const wanted = desiredOf(database("app:2"));

async function removeNetwork({ engine }: Running): Promise<void> {
  const { containers } = await engine.listProject("shop", never);
  for (const { id } of containers) await engine.disconnectNetwork("shop_default", id, never);
  await engine.removeNetwork("shop_default", never);
}

/** Killed at the first call of this step. */
async function killedAt(step: string, method: ReplaceMethod, image: object): Promise<Running> {
  for (let nth = 1; ; nth++) {
    const world = await running();
    world.engine.addImage("app:2", image);
    const { died, context } = mortal(await world.context(wanted), nth, "after");
    void execute(replacement(world.oldId, method), context, () => undefined, never);
    await died;
    if ([...world.rotations.values()].at(-1)?.step === step) return world;
  }
}

async function recovered(world: Running): Promise<string | undefined> {
  await recover("shop", await world.context(wanted), () => undefined, never);
  return [...world.rotations.values()].at(-1)?.status;
}

async function runs({ engine }: Running, image: string): Promise<void> {
  const found = await engine.inspectContainer(NAME, never);
  expect([found?.state, found?.config.Image]).toEqual(["running", image]);
}

const failing = { exits: { code: 3 } };

test.each(["await-health", "give-aliases", "take-aliases", "drain-old"])(
  "killed at %s: a new one that serves takes the place of the old one all the same",
  async (step) => {
    const world = await killedAt(step, "blue-green", {});
    await removeNetwork(world);
    expect(await recovered(world)).toBe("completed");
    await runs(world, "app:2");
  },
);

test.each([
  ["blue-green", "await-health"],
  ["stop-first", "start-new"],
] as const)("%s, killed at %s: a new one that does not serve gives way", async (method, step) => {
  const world = await killedAt(step, method, failing);
  await removeNetwork(world);
  expect(await recovered(world)).toBe("rolled_back");
  await runs(world, "app:1");
});

test("with the old one removed, too, the new one is kept", async () => {
  const world = await killedAt("await-health", "blue-green", failing);
  await removeNetwork(world);
  await world.engine.removeContainer(world.oldId, { force: true, volumes: false }, never);
  expect(await recovered(world)).toBe("rollback_required");
  expect((await world.engine.inspectContainer(NAME, never))?.config.Image).toBe("app:2");
});

test("removed before the names lead to the new one, the old one stays, and that is no verdict", async () => {
  const world = await running();
  let removed = false;
  const clock = {
    ...world.clock,
    sleep: async (ms: number, signal: AbortSignal) => {
      await world.clock.sleep(ms, signal);
      if (removed || world.told("rotation-step").at(-1) !== "await-health") return;
      removed = true;
      await removeNetwork(world);
    },
  };
  const { failed } = await world.run(wanted, replacement(world.oldId, "blue-green"), { clock });
  expect(failed[0]?.error).toMatchObject({
    code: "rolled-back",
    cause: { code: "plan-stale", message: expect.stringContaining("shop_default") as string },
  });
  await runs(world, "app:1");
});
