import { describe, expect, it } from "vitest";
import { runAgent } from "../../src/agent/agent.ts";
import { never } from "../reconciler/world.ts";
import { type Agency, COMPOSE, QUICK, until, withAgency, withAgent } from "./agency.ts";

const imageOf = async ({ engine }: Agency, name: string): Promise<string | undefined> =>
  (await engine.inspectContainer(name, never))?.config.Image;

const environmentOf = async ({ engine }: Agency, name: string): Promise<readonly string[]> =>
  (await engine.inspectContainer(name, never))?.config.Env ?? [];

/** The agent has looked at the project, and there is nothing more to come. */
const isQuiet = async ({ control }: Agency): Promise<boolean> => {
  const [shop] = (await (await control()).status()).projects;
  return shop?.last?.outcome === "quiet" && shop.dueInMs === undefined;
};

describe("the agent", () => {
  it("rolls an edit out by itself", () =>
    withAgent(async (agency) => {
      await agency.write("compose.yaml", COMPOSE.replace("app:1", "app:2"));
      await until(async () => (await imageOf(agency, "shop-web-1")) === "app:2");
    }));

  it("rolls a new version of a secret out by itself", () =>
    withAgent(async (agency) => {
      await agency.rotate("changed");
      await until(async () =>
        (await environmentOf(agency, "shop-web-1")).includes("PASSWORD=changed"),
      );
    }));

  it("rolls a changed file of this host out that a service is given", () =>
    withAgent(async (agency) => {
      const given = `services:
  web: { image: "app:1", environment: { A: "dsofile://db#password" }, secrets: [license] }
secrets: { license: { file: license.txt } }
name: shop
`;
      await agency.write("license.txt", "one");
      await agency.write("compose.yaml", given);
      expect((await agency.dso("reconcile", "shop"))[0]).toBe(0);
      const [first] = agency.generations.keys();
      await agency.write("license.txt", "two");
      await until(() => agency.generations.size === 1 && !agency.generations.has(first!));
    }));

  it("makes anew what somebody has removed", () =>
    withAgent(async (agency) => {
      await until(() => isQuiet(agency));
      await agency.engine.removeContainer("shop-web-1", { force: true, volumes: false }, never);
      await until(async () => (await imageOf(agency, "shop-web-1")) === "app:1");
    }));

  it("looks after a project from its first apply to its end", () =>
    withAgency(async (agency) => {
      await agency.start();
      const names = async (): Promise<string> =>
        (await (await agency.control()).status()).projects.map(({ name }) => name).join();
      expect(await names()).toBe("");
      await agency.dso("up", "-d");
      await until(async () => (await names()) === "shop");
      await agency.write("compose.yaml", COMPOSE.replace("app:1", "app:2"));
      await until(async () => (await imageOf(agency, "shop-web-1")) === "app:2");
      await agency.dso("down");
      await until(async () => (await names()) === "");
    }));

  it("applies a project that dso.yaml names, and nobody has applied", () =>
    withAgency(async (agency) => {
      await agency.write("dso.yaml", `${QUICK}projects: { shop: { files: [compose.yaml] } }\n`);
      await agency.start();
      await until(async () => (await imageOf(agency, "shop-web-1")) === "app:1");
    }));

  it("waits for an engine that is away, and looks at everything once it is back", () =>
    withAgent(async (agency) => {
      await until(() => isQuiet(agency));
      agency.loseEngine();
      const isAway = async (): Promise<boolean> =>
        (await (await agency.control()).status()).engineError !== undefined;
      await until(isAway);
      await agency.rotate("meanwhile");
      const [code, said] = await agency.dso("reconcile");
      expect([code, said]).toEqual([1, expect.stringMatching(/engine/)]);
      agency.returnEngine();
      await until(async () =>
        (await environmentOf(agency, "shop-web-1")).includes("PASSWORD=meanwhile"),
      );
      expect(await isAway()).toBe(false);
    }));

  it("hears of what happened while the engine was away, from the last event on", () =>
    withAgency(async (agency) => {
      await agency.dso("up", "-d");
      const { engine } = agency;
      const events = engine.events.bind(engine);
      const asked: (string | undefined)[] = [];
      let last: string | undefined;
      engine.events = async function* (options, signal) {
        asked.push(options.since);
        for await (const event of events(options, signal)) {
          last = event.timeNano;
          yield event;
        }
      };
      await agency.start();
      await until(() => asked.length === 1);
      await engine.stopContainer("shop-web-1", undefined, never);
      await until(() => last !== undefined && isQuiet(agency));
      agency.loseEngine();
      await until(async () => (await (await agency.control()).status()).engineError !== undefined);
      agency.returnEngine();
      await until(() => asked.length > 1);
      expect(asked.slice(0, 2)).toEqual([undefined, last]);
    }));

  it("goes on with what it had where dso.yaml makes no sense, and takes up what does", () =>
    withAgent(async (agency) => {
      await agency.write("dso.yaml", "agent: { nope: 1 }\n");
      await until(() => agency.records.some(({ code }) => code === "config-invalid"));
      await agency.rotate("first");
      await until(async () =>
        (await environmentOf(agency, "shop-web-1")).includes("PASSWORD=first"),
      );
      await agency.write("dso.yaml", `${QUICK}projects: { shop: { policy: { apply: none } } }\n`);
      const policyRules = async (): Promise<boolean> => {
        const { summary } = await (await agency.control()).reconcile("shop", true, () => undefined);
        return summary.startsWith("out of sync");
      };
      await agency.write("compose.yaml", COMPOSE.replace("app:1", "app:2"));
      await until(policyRules);
    }));

  it("finishes at its start what a killed run has left", () =>
    withAgency(async (agency) => {
      await agency.dso("up", "-d");
      await agency.write("compose.yaml", COMPOSE.replace("app:1", "app:2"));
      await agency.dso("up", "-d");
      const [id, rotation] = [...agency.rotations].at(-1) ?? [];
      agency.rotations.set(id!, { ...rotation!, status: "in_progress", step: "remove-old" });
      await agency.start();
      await until(() => agency.rotations.get(id!)?.status === "completed");
    }));

  it("is the only one of its home, and of its engine", () =>
    withAgent(async (agency) => {
      const log = (): void => undefined;
      const other = (connect: Agency["connect"]): Promise<void> =>
        runAgent({ connect, log, signal: never, force: never });
      await expect(other(agency.connect)).rejects.toMatchObject({ code: "locked" });
      const elsewhere: Agency["connect"] = async () => {
        const context = await agency.connect();
        const home = `${agency.directory}/b`;
        const paths = { locksDir: `${home}/locks`, agentSocket: `${home}/agent.sock` };
        return { ...context, paths: { ...context.paths, ...paths } };
      };
      await expect(other(elsewhere)).rejects.toMatchObject({
        code: "locked",
        message: `the agent of me@here (pid 1), whose DSO_HOME is ${agency.directory}, looks after this engine already`,
      });
    }));

  it("leaves nothing behind", () =>
    withAgent(async (agency) => {
      await agency.stop();
      await expect(agency.control()).rejects.toThrow("no agent listens");
      const next = new AbortController();
      const started = runAgent({
        ...{ connect: agency.connect, signal: next.signal, force: never },
        log: ({ msg }) => {
          if (msg === "Engine connected") next.abort();
        },
      });
      await started;
    }));

  it("warns of what has failed and does not run at all", () =>
    withAgent(async ({ write, records, control }) => {
      await write("compose.yaml", `${COMPOSE}  new: { image: "broken:1" }\n`);
      await until(() => records.some(({ code }) => code === "container-exited"));
      await (await control()).reconcile("shop", false, () => undefined);
      expect(records).toContainEqual({
        ...{ level: "warn", project: "shop", address: "service.new" },
        msg: expect.stringMatching(/^Left alone: .*nothing of it runs$/) as string,
      });
    }));
});
