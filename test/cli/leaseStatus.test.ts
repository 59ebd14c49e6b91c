/** What people are told of credentials that are issued for a time. */
import { expect, test } from "vitest";
import { leaseBlock } from "../../src/cli/render/leases.ts";
import { surveyBlock } from "../../src/cli/render/stores.ts";
import { styleOf } from "../../src/cli/render/style.ts";
import { parseConfig } from "../../src/config/load.ts";
import { DsoError } from "../../src/model/errors.ts";
import type { SecretProvider } from "../../src/model/ports.ts";
import { createProviders } from "../../src/providers/registry.ts";
import type { Context } from "../../src/reconciler/context.ts";
import { leaseStatus } from "../../src/reconciler/leaseStatus.ts";
import { survey } from "../../src/reconciler/survey.ts";
import { createFakeLeased } from "../fakes/leased.ts";
import { never } from "../reconciler/world.ts";

const CONFIG = `providers: { db: { type: vault, engine: database, addr: "http://v" } }`;
const START = Date.UTC(2026, 0, 1);
const plain = styleOf({ write: () => true }, {}, false);

async function sceneWith(changed: Partial<SecretProvider> = {}) {
  let now = START;
  const store = createFakeLeased("db", () => now);
  const opened = Promise.resolve({ ...store, ...changed });
  const clock = { now: () => now } as Context["clock"];
  const context = {
    ...{ clock, config: await parseConfig(CONFIG, "/dso.yaml") },
    providers: createProviders(new Map([["db", () => opened]]), "db"),
  };
  return { store, context, at: (minutes: number) => void (now = START + minutes * 60_000) };
}

test("status tells what is held, until when, and what is wrong with it", async () => {
  const { store, context, at } = await sceneWith();
  await store.read([{ path: "app" }], never);
  store.due("app");
  at(30);
  await store.read([{ path: "app" }], never);
  const trouble = { provider: "db", code: "provider-unreachable", message: "away at \u001b[2J" };
  const agent = { leases: [trouble] } as unknown as Parameters<typeof leaseBlock>[1];
  const [block = ""] = leaseBlock(await leaseStatus(context), agent, plain);
  expect(block).toMatch(/^db:app +g1 +2026-01-01T01:00:00.000Z +replaced/m);
  expect(block).toMatch(/^db:app +g2 +2026-01-01T01:30:00.000Z +held$/m);
  expect(block).toMatch(/^ {2}db: away at/m);
  expect(block).not.toContain("\u001b");
  at(75);
  const [later = ""] = leaseBlock(await leaseStatus(context), undefined, plain);
  expect(later).toMatch(/^db:app +g1 +- +over$/m);
  expect(later).not.toContain("away");
});

test("status has no word for leases where there are none", async () => {
  const { context } = await sceneWith();
  expect(leaseBlock(await leaseStatus(context), undefined, plain)).toEqual([]);
});

test("what is not issued yet is not said to be there", async () => {
  const { store, context } = await sceneWith();
  const wanted = [{ provider: "db", path: "app" }];
  const said = async (): Promise<string> =>
    surveyBlock(await survey(context, wanted, never), plain);
  expect(await said()).toMatch(/^db:app +vault +g1 +not issued yet$/m);
  await store.read([{ path: "app" }], never);
  expect(await said()).toMatch(/^db:app +vault +g1 +held until 2026-01-01T01:00:00.000Z$/m);
});

test("a store that would issue none is asked whether it answers", async () => {
  const error = new DsoError("provider-unreachable", "nobody listens there");
  const { context } = await sceneWith({ check: () => Promise.resolve({ ok: false, error }) });
  expect(await survey(context, [{ provider: "db", path: "app" }], never)).toMatchObject([
    { error, secrets: [] },
  ]);
});
