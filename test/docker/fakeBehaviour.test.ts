import { describe, expect, test } from "vitest";
import type { CreateBody, RestartPolicy } from "../../src/model/engine.ts";
import { never } from "../contract/setting.ts";
import { createFakeEngine, type FakeImage } from "../fakes/engine.ts";

function body(policy: RestartPolicy = { Name: "no" }): CreateBody {
  return {
    ...{ Image: "app:1", Env: [], Labels: { "com.docker.compose.project": "shop" } },
    HostConfig: { RestartPolicy: policy },
    NetworkingConfig: { EndpointsConfig: {} },
  };
}

async function started(image: FakeImage, policy?: RestartPolicy) {
  const engine = createFakeEngine();
  engine.addImage("app:1", image);
  const id = await engine.createContainer("web", body(policy), {}, never);
  await engine.startContainer(id, never);
  const shown = async () => (await engine.listProject("shop", never)).containers[0];
  return { engine, id, shown };
}

describe("the fake engine's containers", () => {
  test("become healthy after as many looks as they are told", async () => {
    const { shown } = await started({ detail: { healthcheckIntervalMs: 1000 }, healthyAfter: 2 });
    const seen = [await shown(), await shown(), await shown()].map((item) => item?.health);
    expect(seen).toEqual(["starting", "starting", "healthy"]);
  });

  test("become unhealthy when told", async () => {
    const { shown } = await started({ detail: { healthcheckIntervalMs: 1000 }, unhealthy: true });
    expect((await shown())?.health).toBe("unhealthy");
  });

  test("end after as many looks as they are told, and restart as their policy has it", async () => {
    const once = await started({ exits: { code: 4, afterLooks: 1 } });
    expect((await once.shown())?.state).toBe("running");
    expect(await once.shown()).toMatchObject({ state: "exited", exitCode: 4 });
    const looping = await started({ exits: { code: 4 } }, { Name: "on-failure" });
    expect((await looping.shown())?.state).toBe("restarting");
    const calm = await started({ exits: { code: 0 } }, { Name: "on-failure" });
    expect((await calm.shown())?.state).toBe("exited");
  });

  test("come back with the engine as their policy has it", async () => {
    for (const [name, stopped, state] of [
      ["no", false, "exited"],
      ["always", true, "running"],
      ["unless-stopped", false, "running"],
      ["unless-stopped", true, "exited"],
    ] as const) {
      const { engine, id, shown } = await started({}, { Name: name });
      if (stopped) await engine.stopContainer(id, 1, never);
      engine.restartEngine();
      expect((await shown())?.state, `${name}, stopped by hand: ${stopped}`).toBe(state);
    }
  });
});

describe("the fake engine's records", () => {
  test("tell calls by name, and changes apart", async () => {
    const { engine, id, shown } = await started({});
    await shown();
    await engine.renameContainer(id, "old", never);
    expect(engine.calls).toEqual([
      "createContainer web",
      "startContainer web",
      "listProject shop",
      "renameContainer web old",
    ]);
    expect(engine.changes()).not.toContain("listProject shop");
  });

  test("strike the nth call, before or after it is done", async () => {
    const { engine, id, shown } = await started({});
    const fault = new Error("planted");
    engine.failOn("stopContainer", 2, fault, "after");
    engine.failOn("removeContainer", 1, fault);
    await engine.stopContainer(id, 1, never);
    await engine.startContainer(id, never);
    await expect(engine.stopContainer(id, 1, never)).rejects.toBe(fault);
    expect((await shown())?.state).toBe("exited");
    const options = { force: true, volumes: true };
    await expect(engine.removeContainer(id, options, never)).rejects.toBe(fault);
    expect(await shown()).toBeDefined();
    await engine.removeContainer(id, options, never);
    expect(await shown()).toBeUndefined();
  });

  test("have the same ids in every run", async () => {
    expect((await started({})).id).toBe((await started({})).id);
  });
});
