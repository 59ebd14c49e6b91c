/** A program of a provider service that a killed run has left, and the next run. */
import { expect, test } from "vitest";
import { DsoError } from "../../src/model/errors.ts";
import { temporaryDirectory } from "../fixtures/temporary.ts";
import { withShop } from "./shop.ts";
import { createWorld, type World } from "./world.ts";

const COMPOSE = `services:
  db: { provider: { type: cloud } }
  web: { image: "app:1", depends_on: [db] }
`;

async function inWorld(work: (world: World) => Promise<void>): Promise<void> {
  await using directory = await temporaryDirectory();
  const world = await createWorld(directory.path);
  world.engine.addImage("app:1");
  world.programs.gives["db"] = { DB_URL: "given-value-71" };
  await work(world);
}

test.each(["up", "down"])(
  "a killed run's program (%s) is ended before another is started",
  (verb) =>
    inWorld(async (world) => {
      if (verb === "down") await world.converge(COMPOSE);
      world.programs.atWork = () => Promise.reject(new DsoError("aborted", "killed"));
      const options = { mode: verb === "down" ? ("destroy" as const) : ("apply" as const) };
      await world.apply(await world.plan(COMPOSE, options));
      const asked = world.programs.calls.length;
      world.programs.atWork = () => {
        expect(world.programs.ended).toMatchObject([{ pid: 100 + asked, verb }]);
        return Promise.resolve();
      };
      await world.plan(COMPOSE, options);
      expect(world.programs.calls).toHaveLength(asked);
      await world.converge(COMPOSE, options);
      expect(world.programs.calls).toHaveLength(asked + 1);
      const told = world.events.filter((event) => event.type === "warning");
      const which = `service "db" (${verb}, process ${100 + asked})`;
      const message = expect.stringContaining(which) as string;
      expect(told).toMatchObject([{ code: "recovered", message }]);
    }),
);

test("beside one that does not end no other is started; one that is gone is no matter", () =>
  inWorld(async (world) => {
    world.programs.atWork = () => Promise.reject(new DsoError("aborted", "killed"));
    await world.apply(await world.plan(COMPOSE));
    world.programs.atWork = () => Promise.resolve();
    world.programs.left = "stays";
    await expect(world.plan(COMPOSE)).rejects.toMatchObject({ code: "program-failed" });
    world.programs.left = "gone";
    await world.converge(COMPOSE);
    expect(world.events.filter(({ type }) => type === "warning")).toEqual([]);
  }));

test("whether one runs that this place does not see is told, and nothing is ended", () =>
  inWorld(async (world) => {
    world.programs.atWork = () => Promise.reject(new DsoError("aborted", "killed"));
    await world.apply(await world.plan(COMPOSE));
    world.programs.left = "untold";
    await world.plan(COMPOSE);
    await world.plan(COMPOSE);
    const told = world.events.filter(({ type }) => type === "warning");
    expect(told).toMatchObject([{ code: "program-left" }]);
  }));

test.each([false, true])("a pass of the agent ends it, too (held: %s)", (isHeld) =>
  withShop(async ({ look, context, programs }) => {
    const process = { pid: 71, bootId: "b", pidNamespace: "n", startTime: "9" };
    await context.journal.noteProgram({ project: "shop", service: "db", verb: "up" }, process);
    if (isHeld) await context.state.setHold("shop", { since: "", who: "me", why: "freeze" });
    expect(await look()).toMatchObject({ outcome: "quiet" });
    expect(programs.ended).toMatchObject([process]);
    expect(await context.journal.programs("shop")).toEqual({});
  }),
);
