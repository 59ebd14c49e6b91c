/** How variables are hidden is decided once, where the image is known: what is applied is what was planned. */
import { expect, test } from "vitest";
import { temporaryDirectory } from "../fixtures/temporary.ts";
import { fakeShim } from "../apply/ports.ts";
import type { Engine } from "../../src/model/ports.ts";
import { createWorld, never, type World } from "./world.ts";

const COMPOSE = `services: { web: { image: "app:1", environment: { PASSWORD: "dso://db#password" } } }`;

/** A machine where nothing can seal: no shim, and a name in the image that no shell passes on. */
async function unsealable(
  work: (world: World) => Promise<void>,
  outside?: (engine: Engine) => Engine,
): Promise<void> {
  await using directory = await temporaryDirectory();
  const world = await createWorld(directory.path, outside);
  world.engine.addImage("app:1", { detail: { environment: ["A.B=1"] } });
  Object.assign(world.context, { shim: fakeShim(false) });
  await work(world);
}

async function expectShown({ apply, engine, events, plan }: World): Promise<void> {
  const run = await plan(COMPOSE);
  expect(run.plan.warnings).toMatchObject([{ code: "exposed" }]);
  expect((await apply(run)).failed).toEqual([]);
  expect(events.filter(({ type }) => type === "warning")).toEqual([]);
  const made = await engine.inspectContainer("shop-web-1", never);
  expect(made?.config.Env).toContain("PASSWORD=one");
}

test("what the plan says will be shown is so applied, and told once", () =>
  unsealable(expectShown));

test("what stands in the open asks for no memory of the engine's host", () =>
  unsealable(expectShown, (engine) => ({
    ...engine,
    info: async (signal) => ({ ...(await engine.info(signal)), local: false }),
  })));

test("a value that the engine cannot be told as text is refused before anything is changed", () =>
  unsealable(async ({ apply, engine, plan, secrets }) => {
    secrets["db"]?.push({ password: Buffer.of(0xff, 0xfe) });
    await expect(plan(COMPOSE).then(apply)).rejects.toMatchObject({ code: "policy-refused" });
    expect(await engine.listProject("shop", never)).toMatchObject({ containers: [], networks: [] });
  }));
