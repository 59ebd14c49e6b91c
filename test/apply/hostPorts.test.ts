import { describe, expect, test } from "vitest";
import type { PortModel } from "../../src/model/project.ts";
import { createWeb, createWorld, desiredOf, network, planOf, service } from "./fixture.ts";

const web2 = { ...createWeb, number: 2, name: "shop-web-2" };
const db = { ...createWeb, service: "db", name: "shop-db-1" };
const port = (published: string | undefined, more: Partial<PortModel> = {}): PortModel => ({
  target: 80,
  ...(published === undefined ? {} : { published }),
  ...more,
});

/** Applies the two services, with these containers of them. */
async function applied(
  makes: readonly (typeof createWeb | typeof web2 | typeof db)[],
  ports: { readonly web: readonly PortModel[]; readonly db?: readonly PortModel[] },
  dependsOnWeb = false,
) {
  const world = createWorld();
  const condition = "service_completed_successfully" as const;
  const depends = dependsOnWeb ? { depends_on: { web: { condition } } } : {};
  const desired = desiredOf(
    service("web", { ports: ports.web }),
    service("db", { ports: ports.db ?? [], ...depends }),
  );
  const plan = planOf([network, ...makes]);
  const refused = await world.run(desired, plan).then(
    () => undefined,
    (error: unknown) => error,
  );
  return { refused, changes: world.engine.changes() };
}

describe("a host port that several new containers want", () => {
  test.each([
    [
      "two services",
      [createWeb, db],
      { web: [port("19951")], db: [port("19951", { target: 81 })] },
      "service db publishes host port 19951/tcp, and so does service web",
    ],
    [
      "one of them on one address",
      [createWeb, db],
      { web: [port("19951")], db: [port("19951", { host_ip: "127.0.0.1" })] },
      "service db publishes host port 127.0.0.1:19951/tcp, and so does service web",
    ],
    [
      "two replicas",
      [createWeb, web2],
      { web: [port("19951")] },
      "service web publishes host port 19951/tcp, and so do its other replicas",
    ],
    [
      "one container, twice",
      [createWeb],
      { web: [port("19951"), port("19951", { target: 81 })] },
      "service web publishes host port 19951/tcp more than once",
    ],
  ])("%s: fails it before anything is changed", async (_, makes, ports, message) => {
    const { refused, changes } = await applied(makes, ports);
    expect(changes).toEqual([]);
    expect(refused).toMatchObject({ code: "port-taken", message, position: { line: 4 } });
    expect(refused).toMatchObject({ others: [] });
  });

  test.each([
    ["another protocol", [port("19951")], [port("19951", { protocol: "udp" })]],
    [
      "another address",
      [port("19951", { host_ip: "127.0.0.1" })],
      [port("19951", { host_ip: "127.0.0.2" })],
    ],
    ["a range", [port("19951-19960")], [port("19951-19960")]],
    ["any that is free", [port(undefined)], [port(undefined)]],
  ])("%s is no clash", async (_, web, other) => {
    const { refused } = await applied([createWeb, web2, db], { web: [], db: other });
    expect(refused).toBeUndefined();
    expect((await applied([createWeb, db], { web, db: other })).refused).toBeUndefined();
  });

  test("replicas may share a range", async () => {
    const { refused } = await applied([createWeb, web2], { web: [port("19951-19960")] });
    expect(refused).toBeUndefined();
  });

  test("what a job had, who waits for its end may have", async () => {
    const ports = { web: [port("19951")], db: [port("19951")] };
    expect((await applied([createWeb, db], ports, true)).refused).toBeUndefined();
  });
});
