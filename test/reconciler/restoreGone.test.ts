/** A service that is left alone since its update failed, and of which somebody has removed what served. */
import { describe, expect, it } from "vitest";
import { compose, type Scene, withShop } from "./shop.ts";
import { never } from "./world.ts";

const remove = ({ engine }: Scene, name: string): Promise<void> =>
  engine.removeContainer(name, { force: true, volumes: false }, never);

/** The next version of the secret is one that the program of `web` dies of. */
function refuseBad({ engine, secrets }: Scene): void {
  const start = engine.startContainer.bind(engine);
  engine.startContainer = async (id, signal) => {
    await start(id, signal);
    const environment = (await engine.inspectContainer(id, never))?.config.Env ?? [];
    if (environment.includes("PASSWORD=bad")) engine.crash(id, 3);
  };
  secrets["db"]?.push({ password: "bad", user: "u" });
}

describe("what is gone of a service that is left alone", () => {
  it("is made anew as it was last applied", () =>
    withShop(async (scene) => {
      const { look, write, imageOf, engine } = scene;
      await write(compose({ web: "broken:1" }));
      expect(await look()).toMatchObject({ outcome: "failed" });
      await remove(scene, "shop-web-1");
      const { outcome, left } = await look();
      expect([outcome, await imageOf("shop-web-1")]).toEqual(["worked", "app:1"]);
      expect(left).toMatchObject([{ address: "service.web" }]);
      expect(left[0]?.down).toBeUndefined();
      const changes = engine.changes().length;
      expect(await look()).toMatchObject({ outcome: "quiet", left: [{ address: "service.web" }] });
      expect(engine.changes()).toHaveLength(changes);
      expect(scene.events).toContainEqual(expect.objectContaining({ code: "service-restored" }));
    }));

  it("is not brought back again and again where that dies, too", () =>
    withShop(async (scene) => {
      const { look, write, engine } = scene;
      await write(compose({ web: "broken:1" }));
      await look();
      await remove(scene, "shop-web-1");
      engine.addImage("app:1", { exits: { code: 4 } });
      expect(await look()).toMatchObject({ outcome: "failed" });
      const changes = engine.changes().length;
      const { outcome, left } = await look();
      expect([outcome, left[0]?.down]).toEqual(["quiet", true]);
      expect(engine.changes()).toHaveLength(changes);
    }));

  it("goes back to the version of its secret that served", () =>
    withShop(async (scene) => {
      const { look, engine, context } = scene;
      refuseBad(scene);
      expect(await look()).toMatchObject({ outcome: "failed" });
      await remove(scene, "shop-web-1");
      expect(await look()).toMatchObject({ outcome: "worked" });
      const detail = await engine.inspectContainer("shop-web-1", never);
      expect(detail?.config.Env).toContain("PASSWORD=one");
      expect(await context.state.attempts("shop")).toHaveLength(1);
    }));

  it("is told of where nothing was ever applied", () =>
    withShop(async ({ look, write, engine }) => {
      await write(`${compose()}  new: { image: "broken:1" }\n`);
      expect(await look()).toMatchObject({ outcome: "failed" });
      const changes = engine.changes().length;
      const why = expect.stringMatching(
        /it failed as it is now: .*; nothing of it runs$/,
      ) as string;
      expect(await look()).toMatchObject({
        ...{ outcome: "quiet", left: [{ address: "service.new", why, down: true }] },
      });
      expect(engine.changes()).toHaveLength(changes);
    }));

  it("is not tried again where that is what has failed", () =>
    withShop(async (scene) => {
      const { look, engine } = scene;
      engine.addImage("app:1", { exits: { code: 3 } });
      await remove(scene, "shop-web-1");
      expect(await look()).toMatchObject({ outcome: "failed" });
      const changes = engine.changes().length;
      expect((await look()).left).toMatchObject([{ address: "service.web", down: true }]);
      expect(engine.changes().slice(changes)).not.toContain("createContainer shop-web-1");
    }));

  it("stays gone where only secrets may change", () =>
    withShop(async (scene) => {
      const { look, imageOf } = scene;
      refuseBad(scene);
      expect(await look({ policy: { apply: "secrets" } })).toMatchObject({ outcome: "failed" });
      await remove(scene, "shop-web-1");
      expect(await look({ policy: { apply: "secrets" } })).toMatchObject({
        ...{ outcome: "quiet", left: [{ address: "service.web", down: true }] },
      });
      expect(await imageOf("shop-web-1")).toBeUndefined();
    }));

  it("runs no job once more", () =>
    withShop(async (scene) => {
      const { look, write, imageOf } = scene;
      const job = (image: string): string =>
        `${compose()}  job: { image: "${image}", restart: "no" }\n`;
      await write(job("app:1"));
      expect(await look()).toMatchObject({ outcome: "worked" });
      await write(job("broken:1"));
      expect(await look()).toMatchObject({ outcome: "failed" });
      await remove(scene, "shop-job-1");
      expect(await look()).toMatchObject({ outcome: "quiet", left: [{ address: "service.job" }] });
      expect(await imageOf("shop-job-1")).toBeUndefined();
    }));

  it("is none of it where a person has stopped it", () =>
    withShop(async ({ look, write, engine }) => {
      await write(compose({ web: "broken:1" }));
      expect(await look()).toMatchObject({ outcome: "failed" });
      await engine.stopContainer("shop-web-1", undefined, never);
      expect(await look()).toMatchObject({ outcome: "quiet" });
      expect((await engine.inspectContainer("shop-web-1", never))?.state).toBe("exited");
    }));
});
