import { describe, expect, it } from "vitest";
import { projectStatus, type ProjectStatus } from "../../src/reconciler/status.ts";
import { temporaryDirectory } from "../fixtures/temporary.ts";
import { createWorld, never, requestOf, type World } from "./world.ts";

const COMPOSE = `
services:
  web:
    image: app:1
    scale: 2
    environment: { PASSWORD_FILE: "dsofile://db#password" }
    healthcheck: { test: [CMD, "true"], interval: 1s }
    depends_on: { migrate: { condition: service_completed_successfully } }
  migrate: { image: "job:1" }
`;

async function withProject(work: (world: World) => Promise<void>): Promise<void> {
  await using directory = await temporaryDirectory();
  const world = await createWorld(directory.path);
  world.engine.addImage("app:1");
  world.engine.addImage("app:2");
  world.engine.addImage("job:1", { exits: { code: 0 } });
  await world.converge(COMPOSE);
  await work(world);
}

/** Of the registered project; `compose` stands in its file by now. */
async function status({ context }: World, compose = COMPOSE): Promise<ProjectStatus> {
  const [project] = await context.state.projects();
  if (project === undefined) throw new Error("no project is registered");
  return projectStatus(context, { ...project, request: requestOf(compose) }, never);
}

describe("the status of a project", () => {
  it("is synced and healthy when all is as it should be", () =>
    withProject(async (world) => {
      expect(await status(world)).toMatchObject({
        ...{ name: "shop", sync: "synced", health: "healthy", why: [], error: undefined },
        services: [
          { name: "migrate", desired: 1, running: 0, healthy: undefined, image: "job:1" },
          { name: "web", desired: 2, running: 2, healthy: 2, image: "app:1" },
        ],
        secrets: [{ name: "local:db", current: "1", delivered: ["1"] }],
        lastApplied: { revision: 1, outcome: "applied" },
      });
    }));

  it("changes nothing by looking", () =>
    withProject(async (world) => {
      const before = world.engine.changes().length;
      await status(world);
      expect(world.engine.changes()).toHaveLength(before);
    }));

  it("tells what a changed file would do", () =>
    withProject(async (world) => {
      const { sync, health, why } = await status(world, COMPOSE.replace("app:1", "app:2"));
      expect([sync, health]).toEqual(["out-of-sync", "healthy"]);
      expect(why).toContain("container.web[1]: image_changed");
    }));

  it("tells which version is current and which the containers have", () =>
    withProject(async (world) => {
      world.secrets["db"]?.push({ password: "newer", user: "u" });
      const { sync, secrets } = await status(world);
      expect(sync).toBe("out-of-sync");
      expect(secrets).toEqual([{ name: "local:db", current: "2", delivered: ["1"] }]);
    }));

  it("is degraded when a replica is down or unhealthy, and missing when all are", () =>
    withProject(async (world) => {
      world.engine.setHealth("shop-web-1", "unhealthy");
      expect((await status(world)).health).toBe("degraded");
      world.engine.setHealth("shop-web-1", "healthy");
      await world.engine.stopContainer("shop-web-2", undefined, never);
      expect(await status(world)).toMatchObject({ sync: "out-of-sync", health: "degraded" });
      await world.engine.stopContainer("shop-web-1", undefined, never);
      expect((await status(world)).health).toBe("missing");
    }));

  it("tells a server that was stopped from a job that is done, though both ended with 0", () =>
    withProject(async (world) => {
      const compose = `
services:
  idle: { image: "app:1" }
  seed: { image: "job:1" }
`;
      await world.converge(compose);
      expect(await status(world, compose)).toMatchObject({ sync: "synced", health: "healthy" });
      await world.engine.stopContainer("shop-idle-1", undefined, never);
      const { sync, health, why } = await status(world, compose);
      expect([sync, health]).toEqual(["out-of-sync", "missing"]);
      expect(why).toEqual(["container.idle[1]: drift_stopped (exited with 0)"]);
      await world.converge("services: { seed: { image: job:1 } }");
      const alone = await status(world, "services: { seed: { image: job:1 } }");
      expect(alone).toMatchObject({ sync: "synced", health: "healthy" });
    }));

  it("tells what is missing, and what was delivered into an environment", () =>
    withProject(async (world) => {
      const compose = `
services:
  idle: { image: "app:1", environment: { TOKEN: "dso://api" } }
`;
      await world.converge(compose);
      expect((await status(world, compose)).secrets).toEqual([
        { name: "local:api", current: "1", delivered: ["1"] },
      ]);
      const { why } = await status(world, `${compose}  more: { image: "app:1" }\n`);
      expect(why).toEqual(["container.more[1]: missing"]);
    }));

  it("is unknown, with the error, when the files or a secret cannot be read", () =>
    withProject(async (world) => {
      const broken = await status(world, "services: [");
      expect([broken.sync, broken.health]).toEqual(["unknown", "unknown"]);
      expect(broken.error?.code).toBe("compose-invalid");
      delete world.secrets["db"];
      const secretless = await status(world);
      expect(secretless.error?.code).toBe("secret-missing");
      expect(secretless.why[0]).toContain("db");
      expect(secretless.lastApplied?.revision).toBe(1);
    }));

  it("tells a hold, and a failed attempt beside the last success", () =>
    withProject(async (world) => {
      await world.context.state.setHold("shop", { since: "2026-01-01", who: "me", why: "freeze" });
      world.engine.addImage("app:2", { exits: { code: 1 } });
      const { failed } = await world.apply(await world.plan(COMPOSE.replace("app:1", "app:2")));
      expect(failed).not.toEqual([]);
      expect(await status(world)).toMatchObject({
        hold: { why: "freeze" },
        lastApplied: { revision: 1 },
        lastAttempted: { revision: 2, outcome: "rolled-back" },
        sync: "synced",
      });
    }));
});
