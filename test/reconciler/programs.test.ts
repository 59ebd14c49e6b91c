/** Provider services: when their programs are asked, and what becomes of what they give. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { renderPlan } from "../../src/diff/render.ts";
import { DsoError } from "../../src/model/errors.ts";
import { temporaryDirectory } from "../fixtures/temporary.ts";
import { createWorld, never, type World } from "./world.ts";

const VALUE = "given-value-71";
const COMPOSE = `services:
  db: { provider: { type: cloud, options: { size: small } } }
  web: { image: "app:1", depends_on: [db] }
  aside: { image: "app:1" }
`;

async function inWorld(work: (world: World, directory: string) => Promise<void>): Promise<void> {
  await using directory = await temporaryDirectory();
  const world = await createWorld(directory.path);
  world.engine.addImage("app:1");
  world.programs.gives["db"] = { DB_URL: VALUE };
  await work(world, directory.path);
}

/** What the memory directory of the service's container holds. */
function variablesOf({ generations }: World): string {
  const all = [...generations.values()].filter(({ service }) => service === "web");
  const [file] = (all.at(-1)?.files ?? []).filter(({ file: { target } }) =>
    target.startsWith("/.dso/"),
  );
  return file === undefined ? "" : "sealed";
}

function kinds({ plan }: { readonly plan: { readonly operations: readonly { kind: string }[] } }) {
  return plan.operations.map(({ kind }) => kind).filter((kind) => kind !== "create-network");
}

test("it is asked before its dependents are made, and what it gives is sealed", () =>
  inWorld(async (world) => {
    const run = await world.converge(COMPOSE);
    expect(kinds(run)[0]).toBe("ask-provider");
    expect(world.programs.calls).toMatchObject([
      { project: "shop", service: "db", type: "cloud", verb: "up", options: { size: ["small"] } },
    ]);
    const made = await world.engine.inspectContainer("shop-web-1", never);
    expect(JSON.stringify(made)).not.toContain(VALUE);
    expect(made?.labels["dso.secrets"]).toContain("@service:db/DB_URL");
    expect(variablesOf(world)).toBe("sealed");
    const other = await world.engine.inspectContainer("shop-aside-1", never);
    expect(other?.labels["dso.secrets"]).toBe("{}");
    expect((await world.plan(COMPOSE)).plan).toMatchObject({ changes: [], operations: [] });
  }));

test("a plan says who is asked, and runs nothing", () =>
  inWorld(async ({ plan, programs }) => {
    const run = await plan(COMPOSE);
    const text = renderPlan(run.plan, { color: false, showValues: false });
    expect(text).toContain('service.db (provider "cloud") will be asked by its program');
    expect(text).toContain(" <= service.db");
    expect(programs.calls).toEqual([]);
  }));

test("asked again it gives the same: nothing is replaced, and no history is written", () =>
  inWorld(async (world) => {
    await world.converge(COMPOSE);
    const before = await world.engine.listProject("shop", never);
    const run = await world.converge(COMPOSE, { ask: "always" });
    expect(run.plan.changes).toMatchObject([{ reasons: [{ code: "asked_again" }] }]);
    expect(await world.engine.listProject("shop", never)).toEqual(before);
    expect(await world.context.state.history("shop")).toHaveLength(1);
  }));

test("another answer replaces its dependents in the same run, and only these", () =>
  inWorld(async (world) => {
    await world.converge(COMPOSE);
    world.programs.gives["db"] = { DB_URL: "given-value-72" };
    expect((await world.plan(COMPOSE)).plan.operations).toEqual([]);
    world.events.length = 0;
    await world.converge(COMPOSE, { ask: "always" });
    const replaced = world.events.flatMap((event) =>
      event.type === "operation-started" && event.operation.kind === "replace-container"
        ? [event.operation]
        : [],
    );
    expect(replaced).toMatchObject([
      { service: "web", method: "blue-green", why: "provider_changed: db" },
    ]);
    expect(world.programs.calls).toHaveLength(2);
    expect((await world.plan(COMPOSE)).plan.operations).toEqual([]);
  }));

test.each([
  ["another name", { DB_NAME: VALUE }],
  ["nothing", {}],
])("so does %s", (_, gives) =>
  inWorld(async (world) => {
    await world.converge(COMPOSE);
    world.programs.gives["db"] = gives;
    const before = (await world.engine.inspectContainer("shop-web-1", never))?.id;
    await world.converge(COMPOSE, { ask: "always" });
    expect((await world.engine.inspectContainer("shop-web-1", never))?.id).not.toBe(before);
    expect((await world.plan(COMPOSE)).plan.operations).toEqual([]);
  }),
);

test("a dependent that is made anew for another reason has its program asked", () =>
  inWorld(async (world) => {
    await world.converge(COMPOSE);
    world.engine.addImage("app:2");
    const run = await world.plan(COMPOSE.replace('web: { image: "app:1"', 'web: { image: "app:2"'));
    expect(kinds(run)).toEqual(["ask-provider", "replace-container"]);
    expect(run.plan.changes[0]?.reasons).toEqual([{ code: "values_needed", detail: "for web" }]);
  }));

test("other options have it asked, and leave open what becomes of the rest", () =>
  inWorld(async (world) => {
    await world.converge(COMPOSE);
    const other = COMPOSE.replace("small", "large");
    const run = await world.plan(other);
    expect(kinds(run)).toEqual(["ask-provider"]);
    expect(run.plan.changes[0]?.reasons).toMatchObject([{ code: "config_changed" }]);
    await world.apply(run);
    expect((await world.plan(other)).plan.operations).toEqual([]);
  }));

test("where it fails nothing was changed, and the next plan asks again", () =>
  inWorld(async (world) => {
    world.programs.gives["db"] = new DsoError("program-failed", "it has no quota");
    const { failed } = await world.apply(await world.plan(COMPOSE));
    expect(failed).toMatchObject([{ error: { code: "program-failed" } }]);
    const begun = world.events.filter(({ type }) => type === "operation-started");
    expect(begun).toMatchObject([{ operation: { kind: "ask-provider" } }]);
    expect(kinds(await world.plan(COMPOSE))[0]).toBe("ask-provider");
  }));

test("what it has made by then is taken down, and only once", () =>
  inWorld(async (world) => {
    world.programs.gives["db"] = new DsoError("program-failed", "it has no quota");
    await world.apply(await world.plan(COMPOSE));
    expect((await world.plan(COMPOSE)).plan.changes).toContainEqual(
      expect.objectContaining({
        address: "service.db",
        reasons: [
          { code: "answer_unknown", detail: "it did not answer when it was asked" },
          { code: "values_needed", detail: "for web" },
        ],
      }),
    );
    world.programs.gives["db"] = {};
    await world.converge(COMPOSE, { mode: "destroy" });
    expect(world.programs.calls.map(({ verb }) => verb)).toEqual(["up", "down"]);
    expect((await world.plan(COMPOSE, { mode: "destroy" })).plan.operations).toEqual([]);
  }));

const TWO = `services:
  db: { provider: { type: cloud } }
  queue: { provider: { type: cloud } }
  web: { image: "app:1", depends_on: [db] }
  aside: { image: "app:1", depends_on: [queue] }
`;
const BOTH = TWO.replace("[db]", "[db, queue]");

test.each([{ ask: "always" }, { targets: ["service.queue"], ask: "always" }] as const)(
  "one of several can answer before the others, or alone: %j",
  (options) =>
    inWorld(async (world) => {
      world.programs.gives["queue"] = { QUEUE_URL: VALUE };
      await world.converge(BOTH);
      const { failed } = await world.apply(await world.plan(BOTH, options));
      expect(failed).toEqual([]);
    }),
);

test("a variable that two give is refused before anything is made, and remembered as a failure", () =>
  inWorld(async (world) => {
    world.programs.gives["queue"] = { DB_URL: VALUE };
    const { failed } = await world.apply(await world.plan(BOTH));
    expect(failed).toMatchObject([{ error: { code: "secret-conflict" } }]);
    expect((await world.context.state.history("shop"))[0]).toMatchObject({ outcome: "failed" });
    expect((await world.engine.listProject("shop", never)).containers).toEqual([]);
  }));

test("it is mended in one of the programs, too: both are asked again", () =>
  inWorld(async (world) => {
    world.programs.gives["queue"] = { DB_URL: VALUE };
    await world.converge(TWO);
    const { plan } = await world.plan(BOTH);
    const detail = "it gave DB_URL, which has another source now, too";
    expect(plan.changes.filter(({ action }) => action === "read")).toMatchObject([
      { reasons: [{ code: "answer_unknown", detail }] },
      { reasons: [{ code: "answer_unknown", detail }] },
    ]);
    world.programs.gives["queue"] = { QUEUE_URL: VALUE };
    await world.converge(BOTH);
    expect((await world.plan(BOTH)).plan.operations).toEqual([]);
  }));

test("where there is no program nothing is begun, and its place in the file is told", () =>
  inWorld(async (world) => {
    world.programs.missing["db"] = new DsoError("program-missing", "nowhere");
    const failed = world.plan(COMPOSE).then(world.apply);
    await expect(failed).rejects.toMatchObject({ code: "program-missing", position: { line: 2 } });
    expect(world.programs.calls).toEqual([]);
  }));

test("it is taken down once, after its dependents", () =>
  inWorld(async (world) => {
    await world.converge(COMPOSE);
    const run = await world.converge(COMPOSE, { mode: "destroy" });
    const [last] = run.plan.operations.filter(({ kind }) => kind === "ask-provider");
    expect(last).toMatchObject({ verb: "down", service: "db" });
    expect(last?.after).not.toEqual([]);
    expect(world.programs.calls.map(({ verb }) => verb)).toEqual(["up", "down"]);
    expect((await world.plan(COMPOSE, { mode: "destroy" })).plan.operations).toEqual([]);
    expect(kinds(await world.plan(COMPOSE))[0]).toBe("ask-provider");
  }));

test("what is excluded cannot be asked for others", () =>
  inWorld(async ({ plan }) => {
    const excludes = ["service.db"];
    await expect(plan(COMPOSE, { excludes })).rejects.toMatchObject({ code: "usage" });
    const both = await plan(COMPOSE, { excludes: ["service.db", "service.web"] });
    expect(kinds(both)).toEqual(["create-container"]);
  }));

test("a variable of the files gives way, and a reference in its place is refused", () =>
  inWorld(async (world) => {
    const own = COMPOSE.replace("depends_on", "environment: { DB_URL: mine }, depends_on");
    await world.converge(own);
    const warned = world.events.filter(({ type }) => type === "warning");
    expect(warned).toMatchObject([{ code: "given-over-own" }]);
    const made = await world.engine.inspectContainer("shop-web-1", never);
    expect(made?.config.Env.filter((entry) => entry.startsWith("DB_URL"))).toEqual([]);
    const bound = own.replace("mine", '"dso://db#password"');
    const { plan } = await world.plan(bound);
    expect(plan.changes.map(({ reasons }) => reasons[0]?.code)).toContain("answer_unknown");
    const { failed } = await world.apply(await world.plan(bound));
    expect(failed).toMatchObject([{ error: { code: "secret-conflict" } }]);
  }));

test.each([
  [COMPOSE.replace("type: cloud", "type: compose"), "compose-invalid"],
  [COMPOSE.replace("type: cloud", "type: ../cloud"), "compose-invalid"],
  [COMPOSE.replace("type: cloud", "type: dso"), "compose-unsupported"],
  [COMPOSE.replace("depends_on: [db]", 'network_mode: "service:db"'), "compose-invalid"],
  [COMPOSE.replace("small", '"dso://db#password"'), "reference-invalid"],
])("%s is refused at its place", (compose, code) =>
  inWorld(async ({ plan }) => {
    await expect(plan(compose)).rejects.toMatchObject({
      code,
      position: { line: expect.any(Number) as number },
    });
  }),
);

test("the value is on no disk", () =>
  inWorld(async (world, directory) => {
    await world.converge(COMPOSE);
    const files = readdirSync(directory, { recursive: true, withFileTypes: true });
    const texts = files
      .filter((entry) => entry.isFile() && !entry.name.startsWith("compose"))
      .map((entry) => readFileSync(join(entry.parentPath, entry.name), "utf8"));
    expect(texts.join()).toContain("@service:db/DB_URL");
    expect(texts.join()).not.toContain(VALUE);
    expect(JSON.stringify(world.events)).not.toContain(VALUE);
  }));
