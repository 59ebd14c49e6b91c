/** What one run has measured, the next plan expects. */
import { expect, test } from "vitest";
import { measuredBy } from "../../src/reconciler/downtimes.ts";
import { temporaryDirectory } from "../fixtures/temporary.ts";
import { createWorld } from "./world.ts";

const compose = (version: string): string => `
name: shop
services:
  db: { image: "app:1", labels: { v: "${version}" }, volumes: ["data:/data"] }
volumes: { data: {} }
`;

test("the downtime of the last stop-first is what the next plan tells", async () => {
  await using directory = await temporaryDirectory();
  const world = await createWorld(directory.path, (engine) => ({
    ...engine,
    async stopContainer(...all) {
      await engine.stopContainer(...all);
      world.pass(7000);
    },
  }));
  world.engine.addImage("app:1");
  await world.converge(compose("1"));
  const first = await world.converge(compose("2"));
  expect(first.plan.changes[0]?.downtime).toMatchObject({ measured: false });
  // What is not replaced is not forgotten.
  await world.converge(compose("2"));
  const second = await world.plan(compose("3"));
  expect(second.plan.changes[0]?.downtime).toMatchObject({ measured: true });
  expect(second.plan.changes[0]?.downtime?.expectedMs).toBeGreaterThanOrEqual(7000);
  expect(second.plan.operations.at(-1)).toMatchObject({
    expectedDowntimeMs: second.plan.changes[0]?.downtime?.expectedMs,
  });
  const known = await world.context.state.registered("shop");
  await world.context.state.register({ ...known!, engineId: "another" });
  const elsewhere = await world.plan(compose("3"));
  expect(elsewhere.plan.changes[0]?.downtime).toMatchObject({ measured: false });
});

test("of several replicas the slowest is kept, and nothing of a service that is gone", () => {
  const operation = (service: string) => ({
    ...{ id: 1, after: [], address: "", why: "", service, number: 1, name: "", oldId: "" },
    ...{ kind: "replace-container", method: "stop-first", oldName: "", expectedDowntimeMs: 0 },
  });
  const took = (service: string, ms: number, stopMs: number) => ({
    ...{ operation: operation(service) as never, ms, stopMs },
  });
  const known = { downtimes: new Map([["old", { stopMs: 1, startMs: 1 }]]) };
  const downtimes = [took("db", 900.4, 400), took("db", 700, 600)];
  expect(measuredBy({ downtimes }, known, new Set(["db"]))).toEqual({
    downtimes: { db: { stopMs: 600, startMs: 500 } },
  });
});
