import { describe, expect, it } from "vitest";
import type { Plan } from "../../src/model/plan.ts";
import { never, withConverged, type World } from "./world.ts";

const COMPOSE = `
services:
  web: { image: "app:1" }
  db: { image: "app:1", scale: 2 }
`;

const gone = (world: World, container: string): Promise<void> =>
  world.engine.removeContainer(container, { force: true, volumes: false }, never);

const drift = ({ drift: all }: Plan): readonly string[] =>
  all.flatMap(({ address, reasons }) => reasons.map(({ code }) => `${address} ${code}`));

describe("what the last apply left", () => {
  it("tells that the only container of a service was removed, until it is there again", () =>
    withConverged(COMPOSE, async (world) => {
      await gone(world, "shop-web-1");
      const { plan } = await world.plan(COMPOSE, { mode: "refresh-only" });
      expect(drift(plan)).toEqual(["container.web[1] drift_missing"]);
      const healed = await world.converge(COMPOSE);
      expect(drift(healed.plan)).toEqual(["container.web[1] drift_missing"]);
      expect((await world.plan(COMPOSE)).plan).toMatchObject({ drift: [], changes: [] });
    }));

  it("tells a stopped server from a job that ended while it was applied", () =>
    withConverged(COMPOSE, async (world) => {
      const compose = `${COMPOSE}  seed: { image: "job:1" }\n`;
      world.engine.addImage("job:1", { exits: { code: 0 } });
      await world.converge(compose);
      expect((await world.plan(compose)).plan.changes).toEqual([]);
      await world.engine.stopContainer("shop-web-1", undefined, never);
      // Neither looking nor a run that leaves it alone makes a job of it.
      await world.converge(compose, { start: false });
      await world.converge(compose, { targets: ["service.db"] });
      const run = await world.converge(compose);
      expect(drift(run.plan)).toEqual(["container.web[1] drift_stopped"]);
      expect((await world.plan(compose)).plan).toMatchObject({ drift: [], changes: [] });
    }));

  it("is looked at closely only where nothing else is asked", () =>
    withConverged(COMPOSE, async (world) => {
      await world.engine.updateRestartPolicy("shop-web-1", { Name: "always" }, never);
      const inspected = async (mode: "apply" | "refresh-only"): Promise<[number, Plan]> => {
        world.engine.calls.length = 0;
        const { plan } = await world.plan(COMPOSE, { mode });
        return [world.engine.calls.filter((call) => /^inspectContainer/.test(call)).length, plan];
      };
      const [few, plain] = await inspected("apply");
      expect([few, plain.drift]).toEqual([0, []]);
      const [all, close] = await inspected("refresh-only");
      expect([all, drift(close)]).toEqual([3, ["container.web[1] drift_modified"]]);
      await world.converge(COMPOSE, { replace: ["container.web[1]"] });
      expect((await inspected("refresh-only"))[1].drift).toEqual([]);
    }));

  it("is not forgotten by a run that leaves the service alone, or fails", () =>
    withConverged(COMPOSE, async (world) => {
      await gone(world, "shop-web-1");
      await gone(world, "shop-db-2");
      await world.converge(COMPOSE, { targets: ["service.db"] });
      world.engine.failOn("startContainer", 1, new Error("the engine is in a bad mood"));
      await world.apply(await world.plan(COMPOSE));
      expect(drift((await world.plan(COMPOSE)).plan)).toEqual(["container.web[1] drift_missing"]);
    }));

  it("is less where fewer were wanted, and nothing where all was taken down", () =>
    withConverged(COMPOSE, async (world) => {
      await world.converge(COMPOSE.replace("scale: 2", "scale: 1"));
      const more = await world.plan(COMPOSE);
      expect(more.plan.changes.map(({ reasons }) => reasons[0]?.code)).toEqual(["scaled_up"]);
      await world.converge(COMPOSE, { mode: "destroy", targets: ["service.web"] });
      expect(drift((await world.plan(COMPOSE)).plan)).toEqual([]);
      await world.converge(COMPOSE, { mode: "destroy" });
      expect(drift((await world.plan(COMPOSE)).plan)).toEqual([]);
    }));
});
