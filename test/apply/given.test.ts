/** What a container was given by an earlier run is taken out of what it says in this one. */
import { expect, test } from "vitest";
import { execute } from "../../src/apply/execute.ts";
import { recover } from "../../src/apply/recovery/recovery.ts";
import type { FakeImage } from "../fakes/engineState.ts";
import { database, NAME } from "./database.ts";
import { createWorld, desiredOf, never, planOf, type World } from "./fixture.ts";

const GIVEN = "hunter2-value";
const NEW = "another-value";
const { policy } = database("app:1");
const health = { ...policy.health, probe: { kind: "exec", argv: ["check"] } } as const;
const probed = database("app:1", { policy: { ...policy, health } });
const desired = { ...desiredOf(probed), versions: new Map([["local:db", "8"]]) };
const wait = { kind: "wait-service", service: "db", condition: "service_healthy" } as const;
const refresh = (containerId: string) =>
  planOf([{ kind: "refresh-container", service: "db", number: 1, containerId, signal: "SIGHUP" }]);

/** Says what it was given, in its log and when it is asked how it is. */
const TALKER: FakeImage = {
  log: `connecting with ${GIVEN}\n`,
  exec: () => ({ code: 1, stdout: `checking ${GIVEN}, not ${NEW}` }),
};

/** A container that was made by a run before this one. */
async function talking(): Promise<{ readonly world: World; readonly id: string }> {
  const world = createWorld();
  world.engine.addImage("app:1", TALKER);
  const plan = planOf([
    { kind: "create-network", network: "default" },
    { kind: "create-container", service: "db", number: 1, name: NAME, oneShot: false },
  ]);
  expect((await world.run(desired, plan)).failed).toEqual([]);
  world.events.length = 0;
  world.secrets.set("local:db#password", NEW);
  const { id } = (await world.engine.inspectContainer(NAME, never))!;
  return { world, id };
}

/** All that was reported and noted. */
const told = ({ events, rotations }: World): string =>
  JSON.stringify([events, [...rotations.values()]], (_, value: unknown) =>
    value instanceof Error ? value.message : value,
  );

test("while somebody waits for it", async () => {
  const { world } = await talking();
  const outcome = await world.run(desired, planOf([{ ...wait, required: true }]));
  expect(outcome.failed[0]?.error.message).toContain("checking [secret], not");
  expect(world.told("container-log")).toEqual(["connecting with [secret]"]);
  expect(told(world)).not.toContain(GIVEN);
});

test("while it is given new files, by which time the run knows the new values alone", async () => {
  const { world, id } = await talking();
  const outcome = await world.run(desired, refresh(id));
  expect(outcome.failed[0]?.error.message).toContain("checking [secret], not [secret]");
  expect(world.told("container-log")).toEqual(["connecting with [secret]"]);
  expect(told(world)).not.toMatch(new RegExp(`${GIVEN}|${NEW}`));
});

test("while a killed refresh is undone, by a run that knows no value at all", async () => {
  const { world, id } = await talking();
  const force = new AbortController();
  const context = await world.context(desired, { force: force.signal });
  const report = ({ type, ...more }: { type: string; step?: string }): void => {
    if (type === "rotation-step" && more.step === "await-health") force.abort();
  };
  await execute(refresh(id), context, report, never).catch(() => undefined);
  const tools = { ...(await world.context(desired)), healthOf: () => health };
  await recover("shop", tools, (event) => void world.events.push(event), never);
  const last = [...world.rotations.values()].at(-1);
  expect(last?.status).toBe("rolled_back");
  expect(last?.error?.message).toContain("checking [secret], not [secret]");
  expect(told(world)).not.toMatch(new RegExp(`${GIVEN}|${NEW}`));
});
