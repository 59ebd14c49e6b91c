/** What runs before a service's containers start (`pre_start`). */
import { describe, expect, test } from "vitest";
import type { ApplyContext } from "../../src/apply/context.ts";
import type { ServiceModel } from "../../src/model/project.ts";
import { createWeb, never, network, planOf } from "./fixture.ts";
import { NAME, replace, runs, up, watched, web } from "./hooked.ts";

describe("containers before the service's own", () => {
  const before = (more: ServiceModel = {}) => ({ image: "before:1", ...more });

  test("run to their end, and are gone when it starts", async () => {
    const world = watched({ ends: { "before:1": 0, "before:2": 0 } });
    const model = { pre_start: [before(), before({ image: "before:2" })] };
    expect((await up(world, web(model))).failed).toEqual([]);
    expect(world.ran).toEqual([
      ...["start shop-web-pre-start-1", "start shop-web-pre-start-2"],
      ...[`start ${NAME}`, `${NAME} announce`],
    ]);
    expect(await runs(world)).toEqual([`${NAME} app:1 running`]);
  });

  test("one that does not end with 0 keeps the service from starting", async () => {
    const world = watched({ ends: { "before:1": 7 } });
    const { failed } = await up(world, web({ pre_start: [before()] }));
    expect(failed.map(({ error }) => error.message)).toEqual(["pre_start[0] of web ended with 7"]);
    expect(await runs(world)).toEqual([]);
  });

  test("in a replacement, the old one is back", async () => {
    const world = watched({ ends: { "before:1": 7 } });
    await up(world, web({}));
    const wanted = web({ image: "app:2", pre_start: [before()] });
    for (const method of ["blue-green", "stop-first"] as const) {
      const { outcome } = await replace(world, wanted, method);
      expect((await outcome()).failed.map(({ error }) => error.code)).toEqual(["rolled-back"]);
      expect(await runs(world)).toEqual([`${NAME} app:1 running`]);
    }
  });

  test("run once for all replicas, or before each; and not for one more", async () => {
    const world = watched({ ends: { "before:1": 0, "each:1": 0 } });
    const each = before({ image: "each:1" });
    const model = { pre_start: [before(), { ...each, per_replica: true }] };
    const create = (number: number) => ({ ...createWeb, number, name: `shop-web-${number}` });
    await up(world, web(model), planOf([network, create(1), { ...create(2), after: [1] }]));
    const count = (name: string): number => world.ran.filter((line) => line.endsWith(name)).length;
    expect([count("pre-start-1"), count("pre-start-2")]).toEqual([1, 2]);
    await up(world, web(model), planOf([create(3)]));
    expect([count("pre-start-1"), count("pre-start-2")]).toEqual([1, 3]);
  });

  test("run before a start of what was stopped, and not before a restart", async () => {
    const world = watched();
    const model = { pre_start: [before()] };
    await up(world, web(model));
    const { id: containerId } = (await world.engine.inspectContainer(NAME, never))!;
    world.ran.length = 0;
    const act = (kind: "restart-container" | "start-container") =>
      up(world, web(model), planOf([{ kind, service: "web", containerId }]));
    await act("restart-container");
    expect(world.ran).toEqual([`${NAME} withdraw`, `start ${NAME}`, `${NAME} announce`]);
    await world.engine.stopContainer(containerId, undefined, never);
    world.ran.length = 0;
    await act("start-container");
    expect(world.ran[0]).toBe("start shop-web-pre-start-1");
  });

  test("have the mounts of the service, its variables, and nobody who is led to them", async () => {
    const world = watched();
    const bodies: Parameters<ApplyContext["engine"]["createContainer"]>[1][] = [];
    const engine: ApplyContext["engine"] = {
      ...world.watching,
      createContainer: (name, body, ...more) => {
        bodies.push(body);
        return world.watching.createContainer(name, body, ...more);
      },
    };
    const environment = { FROM_FILE: "f", OWN: "1", PASSWORD: "dso://db#password" };
    const lent = { user: "1000", networks: { default: { ipv4_address: "10.0.0.9" } } };
    const pre_start = [{ image: "app:1", command: ["migrate"], ...lent, environment }];
    world.engine.addImage("app:1", { exits: { code: 0 } });
    const given = { environment: { PASSWORD: "dso://db#password" }, pre_start };
    await up({ ...world, watching: engine }, web(given));
    const [own, first] = bodies;
    expect(first).toMatchObject({
      ...{ Cmd: ["migrate"], User: "1000" },
      Env: ["FROM_FILE=f", "OWN=1", "PASSWORD=dso://db#password"],
      NetworkingConfig: { EndpointsConfig: { shop_default: { Aliases: [] } } },
      HostConfig: { RestartPolicy: { Name: "no" }, VolumesFrom: [expect.any(String)] },
    });
    expect(Object.keys(first?.Labels ?? {})).not.toContain("com.docker.compose.container-number");
    expect(own?.Image).toBe("app:1");
  });
});
