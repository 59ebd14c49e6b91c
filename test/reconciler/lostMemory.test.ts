import { describe, expect, it } from "vitest";
import { projectStatus } from "../../src/reconciler/status.ts";
import { never, requestOf, withConverged } from "./world.ts";

const COMPOSE = `
services:
  web:
    image: app:1
    environment: { PASSWORD_FILE: "dsofile://db#password" }
  plain: { image: "app:1" }
`;

describe("a host whose memory was emptied", () => {
  it("gets its secrets again, whether their container still runs or not", () =>
    withConverged(COMPOSE, async (world) => {
      for (const stop of [false, true]) {
        if (stop) await world.engine.stopContainer("shop-web-1", undefined, never);
        world.generations.clear();
        const { plan } = await world.plan(COMPOSE, { mode: "refresh-only" });
        expect(plan.drift.map(({ address }) => address)).toEqual(["container.web[1]"]);
        const [registered] = await world.context.state.projects();
        const project = { ...registered!, request: requestOf(COMPOSE) };
        const { why } = await projectStatus(world.context, project, never);
        expect(why).toEqual(["container.web[1]: secret_memory_lost"]);
        await world.converge(COMPOSE);
        expect(world.generations.size).toBe(1);
        expect((await world.plan(COMPOSE)).plan).toMatchObject({ drift: [], changes: [] });
      }
    }));

  it("is asked once, however many containers there are", () =>
    withConverged(COMPOSE, async (world) => {
      const asked: number[] = [];
      const { delivery } = world.context;
      const lost: typeof delivery.lost = (sources, signal) => {
        asked.push(sources.size);
        return delivery.lost(sources, signal);
      };
      const many = COMPOSE.replace("image: app:1", "image: app:1\n    scale: 3");
      await world.converge(many);
      Object.assign(world.context, { delivery: { ...delivery, lost } });
      await world.plan(many);
      expect(asked).toEqual([3]);
    }));
});
