/** `failure_action: rollback`: what was replaced before a replica failed goes back to what was last applied. */
import { describe, expect, it } from "vitest";
import type { Outcome } from "../../src/apply/context.ts";
import type { Engine } from "../../src/model/ports.ts";
import { rollBackUpdates } from "../../src/reconciler/failedUpdates.ts";
import { standingAttempts } from "../../src/reconciler/attempts.ts";
import type { Run } from "../../src/reconciler/run.ts";
import { temporaryDirectory } from "../fixtures/temporary.ts";
import { createWorld, never, type World } from "./world.ts";

interface Texts {
  readonly web: string;
  readonly api?: string;
  readonly action?: string;
  /** A label of the network that both are on. */
  readonly made?: string;
}

const compose = ({ web, api = "one", action = "rollback", made = "then" }: Texts): string => `
networks: { default: { labels: { made: ${made} } } }
services:
  web:
    image: app:1
    environment: { LOG: ${web}, PASSWORD_FILE: "dsofile://db#password" }
    deploy:
      replicas: 3
      update_config: { failure_action: ${action} }
      rollback_config: { parallelism: 0, monitor: 3s }
  api: { image: app:1, environment: { LOG: ${api} } }
`;

/** In this world a container whose name begins like that ends at once, as often as `left` says. */
async function withFailing(
  work: (world: World, fails: { name: string; left: number }) => Promise<void>,
): Promise<void> {
  await using directory = await temporaryDirectory();
  const fails = { name: "shop-web-2", left: 0 };
  const failing = (engine: Engine): Engine => ({
    ...engine,
    async startContainer(id, signal) {
      await engine.startContainer(id, signal);
      const name = (await engine.inspectContainer(id, signal))?.name;
      if (fails.left === 0 || !name?.startsWith(fails.name)) return;
      fails.left--;
      world.engine.crash(id, 3);
    },
  });
  const world: World = await createWorld(directory.path, failing);
  world.engine.addImage("app:1");
  await world.converge(compose({ web: "one" }));
  await work(world, fails);
}

/** As the commands do: applies, and goes back where that is asked for. */
async function update(world: World, text: string): Promise<readonly [Outcome, Outcome?]> {
  const run = await world.plan(text);
  const outcome = await world.apply(run);
  const back = await goBack(world, run, outcome);
  return back === undefined ? [outcome] : [outcome, back];
}

function goBack(world: World, run: Run, outcome: Outcome): Promise<Outcome | undefined> {
  const report = (event: World["events"][number]): void => void world.events.push(event);
  const settings = { parallelism: 4, force: never, report };
  return rollBackUpdates(world.context, run, outcome, settings, never);
}

async function levels(world: World, service: string): Promise<readonly string[]> {
  const { containers } = await world.engine.listProject("shop", never);
  const own = containers.filter(({ name }) => name.startsWith(`shop-${service}-`));
  const details = await Promise.all(own.map(({ id }) => world.engine.inspectContainer(id, never)));
  return details.map((one) => one?.config.Env.find((line) => line.startsWith("LOG=")) ?? "none");
}

function told({ events }: World): readonly string[] {
  return events.flatMap((event) => (event.type === "warning" ? event.message : []));
}

const [ONE, TWO] = ["LOG=one", "LOG=two"];

describe("an update that is to be rolled back", () => {
  it("takes the replicas back that were replaced, and nothing else", () =>
    withFailing(async (world, fails) => {
      fails.left = 1;
      const [outcome, back] = await update(world, compose({ web: "two", api: "two" }));
      expect(outcome.toRollBack).toEqual([{ service: "web", failed: 1, total: 3 }]);
      expect(back?.done.map(({ address }) => address)).toEqual(["container.web[1]"]);
      expect(await levels(world, "web")).toEqual([ONE, ONE, ONE]);
      expect(await levels(world, "api")).toEqual([TWO]);
      expect(told(world)).toEqual([
        'service "web": 1 of 3 replicas failed; going back to revision 1, as its files say',
        'service "web": 1 of 3 replicas failed; rolled back to revision 1',
      ]);
      const [last, failed] = await world.context.state.history("shop");
      expect([last?.rollbackTo, last?.outcome, failed?.outcome]).toEqual([
        ...[1, "applied", "rolled-back"],
      ]);
      expect(await world.context.state.hold("shop")).toBeUndefined();
      // What failed stands in the ledger still, so that nobody tries it over and over by himself.
      const attempts = await world.context.state.attempts("shop");
      expect(attempts.map(({ service, tries }) => [service, tries])).toEqual([["web", 1]]);
      const again = await world.plan(compose({ web: "two", api: "two" }));
      expect(standingAttempts(again, attempts)).toEqual(attempts);
    }));

  it("leaves the files' wish standing: the next plan is what it was, and succeeds when it can", () =>
    withFailing(async (world, fails) => {
      fails.left = 1;
      const text = compose({ web: "two" });
      await update(world, text);
      const again = await world.plan(text);
      expect(again.plan.changes.map(({ address }) => address)).toEqual([
        ...["container.web[1]", "container.web[2]", "container.web[3]"],
      ]);
      await world.converge(text);
      expect(await levels(world, "web")).toEqual([TWO, TWO, TWO]);
    }));

  it("goes back to the versions of then, too", () =>
    withFailing(async (world, fails) => {
      fails.left = 1;
      world.secrets["db"]?.push({ password: "newer", user: "u" });
      await update(world, compose({ web: "one" }));
      const given = [...world.generations.values()].flatMap(({ versions }) =>
        Object.values(versions),
      );
      expect(given).toEqual(["1", "1", "1"]);
    }));

  it("does it at the pace of rollback_config", () =>
    withFailing(async (world, fails) => {
      Object.assign(fails, { name: "shop-web-3", left: 1 });
      world.events.length = 0;
      const [, back] = await update(world, compose({ web: "two" }));
      expect(back?.done.map((one) => [one.after, "monitorMs" in one && one.monitorMs])).toEqual([
        [[], 3000],
        [[], 3000],
      ]);
    }));

  it("is not what was applied last; one that went on is, if a replica has it", () =>
    withFailing(async (world, fails) => {
      const revisions = async (): Promise<readonly number[]> =>
        (await world.context.state.history("shop")).flatMap(({ model, revision }) =>
          model === undefined ? [] : revision,
        );
      fails.left = 1;
      await update(world, compose({ web: "two", action: "pause" }));
      expect(await revisions()).toEqual([1]);
      await world.converge(compose({ web: "one" }));
      Object.assign(fails, { name: "shop-web-2", left: 1 });
      await update(world, compose({ web: "two", action: "continue" }));
      expect(await levels(world, "web")).toEqual([TWO, ONE, TWO]);
      expect(await revisions()).toEqual([4, 3, 1]);
      Object.assign(fails, { name: "shop-web-", left: 3 });
      await update(world, compose({ web: "three", action: "continue" }));
      expect(await levels(world, "web")).toEqual([TWO, ONE, TWO]);
      expect(await revisions()).toEqual([4, 3, 1]);
    }));

  it("does nothing where nothing was replaced, or nobody asked for it", () =>
    withFailing(async (world, fails) => {
      Object.assign(fails, { name: "shop-web-1", left: 1 });
      expect((await update(world, compose({ web: "two" })))[1]).toBeUndefined();
      Object.assign(fails, { name: "shop-web-2", left: 1 });
      const paused = await update(world, compose({ web: "two", action: "pause" }));
      expect(paused[1]).toBeUndefined();
      expect(await levels(world, "web")).toEqual([TWO, ONE, ONE]);
      expect(told(world)).toEqual([]);
    }));

  it("leaves all to a person where rollback_on_failure is off", () =>
    withFailing(async (world, fails) => {
      fails.left = 1;
      const run = await world.plan(compose({ web: "two" }));
      const services = new Map(
        [...run.desired.services].map(([name, one]) => {
          const policy = { ...one.policy, rollbackOnFailure: false };
          return [name, { ...one, policy }] as const;
        }),
      );
      const desired = { ...run.desired, services };
      const outcome = await world.apply({ ...run, desired });
      expect(outcome.toRollBack).toHaveLength(1);
      expect(await goBack(world, { ...run, desired }, outcome)).toBeUndefined();
      expect(await world.engine.inspectContainer("shop-web-2-new", never)).toBeDefined();
    }));

  it("is told where it fails itself, and is not taken back again", () =>
    withFailing(async (world, fails) => {
      fails.left = 1;
      const run = await world.plan(compose({ web: "two" }));
      const outcome = await world.apply(run);
      Object.assign(fails, { name: "shop-web-1", left: 1 });
      const back = await goBack(world, run, outcome);
      expect(back?.failed.map(({ error }) => error.code)).toEqual(["rolled-back"]);
      expect(back?.toRollBack).toEqual([]);
      expect(await levels(world, "web")).toEqual([TWO, ONE, ONE]);
    }));

  it("is refused where a version of then is gone, before anything is touched", () =>
    withFailing(async (world, fails) => {
      fails.left = 1;
      world.secrets["db"]?.push({ password: "newer", user: "u" });
      const run = await world.plan(compose({ web: "one" }));
      const outcome = await world.apply(run);
      delete world.secrets["db"]?.[0];
      const before = world.engine.changes().length;
      const back = goBack(world, run, outcome);
      await expect(back).rejects.toMatchObject({ code: "secret-version-gone" });
      expect(world.engine.changes()).toHaveLength(before);
    }));

  it("is refused where no apply is known", () =>
    withFailing(async (world, fails) => {
      fails.left = 1;
      const run = await world.plan(compose({ web: "two" }));
      const outcome = await world.apply(run);
      const state = { ...world.context.state, history: () => Promise.resolve([]) };
      const context = { ...world.context, state };
      const back = goBack({ ...world, context }, run, outcome);
      await expect(back).rejects.toMatchObject({ code: "rollback-failed" });
    }));

  it("keeps a network that others are on as the run has made it", () =>
    withFailing(async (world, fails) => {
      fails.left = 1;
      const [, back] = await update(world, compose({ web: "two", made: "now" }));
      expect(back?.failed).toEqual([]);
      expect(await levels(world, "web")).toEqual([ONE, ONE, ONE]);
      const network = await world.engine.inspectNetwork("shop_default", never);
      expect(network?.labels["made"]).toBe("now");
    }));

  it("has nothing to do where what was applied last says the same", () =>
    withFailing(async (world, fails) => {
      fails.left = 1;
      const run = await world.plan(compose({ web: "one" }), { replace: ["service.web"] });
      const outcome = await world.apply(run);
      expect(await goBack(world, run, outcome)).toBeUndefined();
      expect(told(world)).toEqual([
        'service "web": 1 of 3 replicas failed; revision 1 says the same of it, so the others stay as they are',
      ]);
    }));
});
