import { readFile, rm } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { compose, withShop } from "./shop.ts";
import { never } from "./world.ts";

describe("a pass without a person", () => {
  it("takes back an update that failed and says so, and leaves it alone then", () =>
    withShop(async ({ look, write, imageOf, engine }) => {
      const three = (image: string): string =>
        `services: { web: { image: "${image}", deploy: { replicas: 3, update_config: { failure_action: rollback } } } }`;
      await write(three("app:1"));
      await look();
      await write(three("app:2"));
      const start = engine.startContainer.bind(engine);
      engine.startContainer = async (id, signal) => {
        await start(id, signal);
        const { name } = (await engine.inspectContainer(id, never))!;
        if (name === "shop-web-2-new") engine.crash(id, 3);
      };
      expect(await look()).toMatchObject({ outcome: "failed" });
      const images = await Promise.all([1, 2, 3].map((number) => imageOf(`shop-web-${number}`)));
      expect(images).toEqual(["app:1", "app:1", "app:1"]);
      const changes = engine.changes().length;
      expect(await look()).toMatchObject({ outcome: "quiet", left: [{ address: "service.web" }] });
      expect(engine.changes()).toHaveLength(changes);
    }));

  it("applies what was never applied, and then has nothing to do", () =>
    withShop(async ({ look, context }) => {
      expect(await look()).toMatchObject({ outcome: "quiet", summary: "nothing to do", left: [] });
      expect(await context.state.projects()).toMatchObject([{ name: "shop" }]);
    }));

  it("brings an edit and a new version out", () =>
    withShop(async ({ look, write, secrets, imageOf, context }) => {
      await write(compose({ web: "app:2" }));
      secrets["db"]?.push({ password: "new", user: "u" });
      const { outcome, summary } = await look();
      expect([outcome, summary]).toEqual(["worked", "1 added, 0 changed, 1 destroyed"]);
      expect(await imageOf("shop-web-1")).toBe("app:2");
      expect((await context.state.history("shop"))[0]?.versions).toEqual({ "local:db": "2" });
    }));

  it("tells what it has read, also where that makes no sense", () =>
    withShop(async ({ look, write, file }) => {
      await write("services: [");
      const { outcome, error, trace } = await look();
      expect([outcome, error?.code]).toEqual(["failed", "compose-invalid"]);
      expect(trace.files).toContain(file);
    }));

  it("leaves what a person stopped, and mends what somebody took away", () =>
    withShop(async ({ look, engine }) => {
      await engine.stopContainer("shop-web-1", undefined, never);
      await engine.removeContainer("shop-api-1", { force: true, volumes: false }, never);
      expect(await look()).toMatchObject({
        outcome: "worked",
        left: [{ address: "container.web[1]", why: "it was stopped; dso up starts it" }],
      });
      expect((await engine.inspectContainer("shop-web-1", never))?.state).toBe("exited");
      expect((await engine.inspectContainer("shop-api-1", never))?.state).toBe("running");
      expect(await look()).toMatchObject({ outcome: "quiet" });
    }));

  it("takes a container that a reboot has stopped for no intent", () =>
    withShop(async ({ look, write, engine, generations }) => {
      await write(compose().replace('PASSWORD: "dso', 'PASSWORD_FILE: "dsofile'));
      expect(await look()).toMatchObject({ outcome: "worked" });
      await engine.stopContainer("shop-web-1", undefined, never);
      generations.clear();
      expect(await look()).toMatchObject({ outcome: "worked", left: [] });
      expect((await engine.inspectContainer("shop-web-1", never))?.state).toBe("running");
      expect(generations.size).toBe(1);
    }));

  it("leaves stopped after a reboot what a person had stopped before", () =>
    withShop(async ({ look, write, engine, generations, context }) => {
      await write(compose().replace('PASSWORD: "dso', 'PASSWORD_FILE: "dsofile'));
      await look();
      await engine.stopContainer("shop-web-1", undefined, never);
      expect(await look()).toMatchObject({ left: [{ address: "container.web[1]" }] });
      await write(compose({ api: "app:2" }).replace('PASSWORD: "dso', 'PASSWORD_FILE: "dsofile'));
      expect(await look()).toMatchObject({ outcome: "worked" });
      generations.clear();
      expect(await look()).toMatchObject({ left: [{ address: "container.web[1]" }] });
      expect(await look()).toMatchObject({ outcome: "quiet" });
      expect((await engine.inspectContainer("shop-web-1", never))?.state).toBe("exited");
      expect((await context.state.registered("shop"))?.stopped).toHaveLength(1);
    }));

  it("forgets that somebody had stopped it once it runs again", () =>
    withShop(async ({ look, write, engine, generations, context }) => {
      await write(compose().replace('PASSWORD: "dso', 'PASSWORD_FILE: "dsofile'));
      await look();
      await engine.stopContainer("shop-web-1", undefined, never);
      await look();
      await engine.startContainer("shop-web-1", never);
      await look();
      expect((await context.state.registered("shop"))?.stopped).toEqual([]);
      await engine.stopContainer("shop-web-1", undefined, never);
      generations.clear();
      expect(await look()).toMatchObject({ outcome: "worked", left: [] });
    }));

  it("starts nothing after a reboot that had ended by the last apply", () =>
    withShop(async ({ look, write, engine, generations, context }) => {
      await write(compose().replace('PASSWORD: "dso', 'PASSWORD_FILE: "dsofile'));
      await look();
      const registered = (await context.state.registered("shop"))!;
      await engine.stopContainer("shop-web-1", undefined, never);
      const left = { ...registered.left!, running: [] };
      await context.state.register({ ...registered, left });
      engine.crash("shop-web-1", 3);
      generations.clear();
      expect(await look()).toMatchObject({ left: [{ address: "container.web[1]" }] });
    }));

  it("forgets that a person stopped it once an apply has started it", () =>
    withShop(async ({ look, engine, context, apply, plan, file }) => {
      await engine.stopContainer("shop-web-1", undefined, never);
      await look();
      expect((await context.state.registered("shop"))?.stopped).toHaveLength(1);
      await apply(await plan(await readFile(file, "utf8")));
      expect((await context.state.registered("shop"))?.stopped).toEqual([]);
    }));

  it("starts after a reboot what an apply had brought that failed elsewhere", () =>
    withShop(async ({ look, write, engine, generations }) => {
      const secretFile = (text: string): string =>
        text.replace('PASSWORD: "dso', 'PASSWORD_FILE: "dsofile');
      await write(secretFile(compose({ mode: "b", api: "broken:1" })));
      expect(await look()).toMatchObject({ outcome: "failed" });
      await look();
      await engine.stopContainer("shop-web-1", undefined, never);
      generations.clear();
      expect(await look()).toMatchObject({ left: [{ address: "service.api" }] });
      expect((await engine.inspectContainer("shop-web-1", never))?.state).toBe("running");
    }));

  it("tries nothing twice that failed, unless somebody asks or it is another thing", () =>
    withShop(async ({ look, write, engine, imageOf }) => {
      await write(compose({ web: "broken:1" }));
      expect(await look()).toMatchObject({ outcome: "failed", error: { code: "rolled-back" } });
      const before = engine.changes().length;
      expect(await look()).toMatchObject({ outcome: "quiet", left: [{ address: "service.web" }] });
      expect(engine.changes()).toHaveLength(before);
      expect(await look({ asked: true })).toMatchObject({ outcome: "failed" });
      await write(compose({ web: "broken:1", api: "app:2" }));
      expect(await look()).toMatchObject({ outcome: "worked", left: [{ address: "service.web" }] });
      expect(await imageOf("shop-api-1")).toBe("app:2");
      await write(compose({ web: "app:2", api: "app:2" }));
      expect(await look()).toMatchObject({ outcome: "worked", left: [] });
    }));

  it("tries what it had to pull once, too", () =>
    withShop(async ({ look, write, engine }) => {
      engine.addPullable("late:1", { exits: { code: 3 } });
      await write(compose({ web: "late:1" }));
      expect(await look()).toMatchObject({ outcome: "failed", error: { code: "rolled-back" } });
      const before = engine.changes().length;
      expect(await look()).toMatchObject({ outcome: "quiet", left: [{ address: "service.web" }] });
      expect(engine.changes()).toHaveLength(before);
    }));

  it("tries again what was put back and is there once more", () =>
    withShop(async ({ look, write, context }) => {
      await write(compose({ web: "broken:1" }));
      expect(await look()).toMatchObject({ outcome: "failed" });
      await write(compose());
      expect(await look()).toMatchObject({ outcome: "quiet", left: [] });
      expect(await context.state.attempts("shop")).toEqual([]);
      await write(compose({ web: "broken:1" }));
      expect(await look()).toMatchObject({ outcome: "failed" });
    }));

  it("leaves a held project alone", () =>
    withShop(async ({ look, write, engine, context }) => {
      await context.state.setHold("shop", { since: "now", who: "me", why: "" });
      await write(compose({ web: "app:2" }));
      const before = engine.changes().length;
      expect(await look()).toMatchObject({ outcome: "quiet", summary: "held" });
      expect(engine.changes()).toHaveLength(before);
    }));

  it("removes no last container because a file has lost its services", () =>
    withShop(async ({ look, write, engine }) => {
      await write("services: {}");
      expect(await look()).toMatchObject({
        outcome: "failed",
        error: { code: "approval-missing" },
      });
      expect((await engine.inspectContainer("shop-web-1", never))?.state).toBe("running");
    }));

  it("removes what has left the files, unless told not to", () =>
    withShop(async ({ look, write, engine }) => {
      await write(compose({ api: false }));
      expect(await look({ policy: { prune: false } })).toMatchObject({ outcome: "quiet" });
      expect(await engine.inspectContainer("shop-api-1", never)).toBeDefined();
      expect(await look()).toMatchObject({ outcome: "worked" });
      expect(await engine.inspectContainer("shop-api-1", never)).toBeUndefined();
    }));

  it("brings nothing but secrets out where that is the policy", () =>
    withShop(async ({ look, write, secrets, imageOf, context, engine }) => {
      await write(compose({ web: "app:2", api: "app:2" }));
      await engine.removeContainer("shop-api-1", { force: true, volumes: false }, never);
      expect(await look({ policy: { apply: "secrets" } })).toMatchObject({ outcome: "quiet" });
      secrets["db"]?.push({ password: "new", user: "u" });
      expect(await look({ policy: { apply: "secrets" } })).toMatchObject({ outcome: "worked" });
      expect(await imageOf("shop-web-1")).toBe("app:1");
      expect(await imageOf("shop-api-1")).toBeUndefined();
      expect((await context.state.history("shop"))[0]?.versions).toEqual({ "local:db": "2" });
    }));

  it("only tells where that is the policy", () =>
    withShop(async ({ look, write, engine }) => {
      await write(compose({ web: "app:2" }));
      const before = engine.changes().length;
      expect(await look({ policy: { apply: "none" } })).toMatchObject({
        ...{ outcome: "quiet", summary: "out of sync: 1 to change" },
      });
      expect(engine.changes()).toHaveLength(before);
    }));

  it("finishes what was half done though nobody can read the files", () =>
    withShop(async ({ look, write, rotations, file, engine }) => {
      await write(compose({ web: "app:2" }));
      await look();
      const [id, rotation] = [...rotations].at(-1) ?? [];
      rotations.set(id!, { ...rotation!, status: "in_progress", step: "remove-old" });
      await rm(file);
      expect(await look()).toMatchObject({ outcome: "failed", error: { code: "compose-invalid" } });
      expect(rotations.get(id!)?.status).toBe("completed");
      expect((await engine.inspectContainer("shop-web-1", never))?.state).toBe("running");
    }));
});
