/** A service that writes a volume, so that it is replaced stop-first. */
import { expect } from "vitest";
import { DSO } from "../../src/model/labels.ts";
import type { DesiredService } from "../../src/model/desired.ts";
import type { ServiceModel } from "../../src/model/project.ts";
import { createWorld, desiredOf, never, planOf, service, withFile, type World } from "./fixture.ts";

export const NAME = "shop-db-1";
const model: ServiceModel = {
  restart: "unless-stopped",
  volumes: [{ type: "volume", source: "data", target: "/data" }],
  // Any free one: whether a certain one is free is asked of this machine.
  ports: [{ target: 5432 }],
};
export const database = (image: string, more: Partial<DesiredService> = {}) =>
  service("db", { ...model, image }, { ...withFile("dsofile://db#password"), ...more });

export type Running = World & { readonly oldId: string };

/** A running `db` of image app:1 that was made by us. */
export async function running(): Promise<Running> {
  const world = createWorld();
  const plan = planOf([
    { kind: "create-network", network: "default" },
    { kind: "create-container", service: "db", number: 1, name: NAME, oneShot: false },
  ]);
  const outcome = await world.run(desiredOf(database("app:1")), plan);
  expect(outcome.failed).toEqual([]);
  const { id } = (await world.engine.inspectContainer(NAME, never))!;
  world.engine.calls.length = 0;
  world.events.length = 0;
  return { ...world, oldId: id };
}

export type ReplaceMethod = "stop-first" | "blue-green";

export const replacement = (oldId: string, method: ReplaceMethod = "stop-first") =>
  planOf([
    {
      kind: "replace-container",
      service: "db",
      number: 1,
      name: NAME,
      method,
      oldId,
      oldName: NAME,
      expectedDowntimeMs: 4000,
    },
  ]);

/** Whether a running container, other than this one, is found under the service's name, and under its own. */
export async function isServed({ engine }: World, without?: string): Promise<boolean> {
  const { containers } = await engine.listProject("shop", never);
  const others = containers.filter(({ id }) => id !== without);
  const details = await Promise.all(others.map(({ id }) => engine.inspectContainer(id, never)));
  return details.some(
    (one) => one?.state === "running" && one.networks.some(({ aliases }) => aliases.includes("db")),
  );
}

/** Exactly one container, running, with its final name, names and policy, and exactly its files. */
export async function expectWhole(world: World, image: string): Promise<void> {
  const { containers } = await world.engine.listProject("shop", never);
  expect(containers.map(({ name, state }) => [name, state])).toEqual([[NAME, "running"]]);
  const found = (await world.engine.inspectContainer(NAME, never))!;
  expect(found.config.Image).toBe(image);
  expect(found.hostConfig.RestartPolicy).toEqual({ Name: "unless-stopped" });
  expect(found.networks.map(({ aliases }) => [...aliases].sort())).toEqual([["db", NAME]]);
  expect([...world.generations.keys()]).toEqual([found.labels[DSO.generation]]);
  const statuses = [...world.rotations.values()].map(({ status }) => status);
  expect(
    statuses.filter((status) => status === "in_progress" || status === "rolling_back"),
  ).toEqual([]);
}
