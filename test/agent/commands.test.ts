import { describe, expect, it } from "vitest";
import { never } from "../reconciler/world.ts";
import { COMPOSE, QUICK, until, withAgency, withAgent } from "./agency.ts";

const BROKEN = COMPOSE.replace("app:1", "broken:1");

describe("commands where an agent is at work", () => {
  it("reconcile asks it, and shows what it does", () =>
    withAgent(async ({ dso, write }) => {
      await write("compose.yaml", COMPOSE.replace("MODE: a", "MODE: b"));
      const [code, said] = await dso("reconcile", "shop");
      expect([code, said]).toEqual([0, expect.stringContaining("shop: ")]);
      expect(await dso("reconcile")).toEqual([0, "shop: nothing to do\n"]);
    }));

  it("reconcile fails where the agent does not get there, and tries again what failed", () =>
    withAgent(async ({ dso, write, records }) => {
      await write("compose.yaml", BROKEN);
      for (let turn = 0; turn < 2; turn++) {
        const [code, said] = await dso("reconcile", "shop");
        expect([code, said]).toEqual([1, expect.stringContaining("ended with 3")]);
      }
      expect(records.filter(({ msg }) => msg === "ROTATION ROLLBACK").length).toBeGreaterThan(1);
    }));

  it("reconcile names the projects that there are", () =>
    withAgent(async ({ dso }) => {
      expect(await dso("reconcile", "shopp")).toEqual([1, expect.stringContaining("It has shop.")]);
    }));

  it("hold and resume reach it", () =>
    withAgent(async ({ dso, write, engine }) => {
      expect((await dso("hold", "for", "a", "freeze"))[0]).toBe(0);
      expect(await dso("reconcile")).toEqual([0, "shop: held\n"]);
      await write("compose.yaml", COMPOSE.replace("app:1", "app:2"));
      expect(await dso("reconcile")).toEqual([0, "shop: held\n"]);
      expect((await dso("status"))[1]).toContain("by me@here (pid 1): for a freeze");
      expect(await dso("resume")).toEqual([
        0,
        "Project shop is no longer held. The agent brings it up to date.\n",
      ]);
      await until(() => engine.calls.some((call) => /^createContainer/.test(call)));
    }));

  it("hold is for a project that dso.yaml names, too, before anybody has applied it", () =>
    withAgency(async ({ dso, write, start, engine }) => {
      await write("dso.yaml", `${QUICK}projects: { shop: { files: [compose.yaml] } }\n`);
      expect((await dso("hold"))[0]).toBe(0);
      await start();
      expect(await dso("reconcile")).toEqual([0, "shop: held\n"]);
      expect((await dso("hold", "for", "longer"))[0]).toBe(0);
      expect(engine.changes()).toEqual([]);
      await write("compose.yaml", COMPOSE.replace("name: shop", "name: other"));
      expect((await dso("hold"))[1]).toContain("Project other was not applied by this user");
    }));

  it("status tells of it, and what it leaves alone", () =>
    withAgent(async ({ dso, write, control }) => {
      await write("compose.yaml", BROKEN);
      await (await control()).reconcile("shop", true, () => undefined);
      const left = async (): Promise<boolean> =>
        (await dso("status"))[1].includes("agent leaves service.web: it failed as it is now");
      await until(left);
      const [code, said] = await dso("status");
      expect(code).toBe(0);
      expect(said).toContain(`Agent: running for `);
      expect(said).toContain("It is not tried again until something of it changes");
      const parsed = JSON.parse((await dso("status", "--json"))[1]) as {
        agent: { pid: number };
        projects: { failed: object[] }[];
      };
      expect(parsed.agent.pid).toBe(process.pid);
      expect(parsed.projects[0]?.failed).toMatchObject([
        { service: "web", code: "container-exited" },
      ]);
    }));

  it("down keeps a project down that dso.yaml names, until resume", () =>
    withAgency(async ({ dso, write, start, engine, control }) => {
      await write("dso.yaml", `${QUICK}projects: { shop: { files: [compose.yaml] } }\n`);
      await start();
      const runs = async (): Promise<boolean> =>
        (await engine.inspectContainer("shop-web-1", never))?.state === "running";
      await until(runs);
      const [code, said] = await dso("down");
      expect([code, said]).toEqual([0, expect.stringContaining("Lift that with: dso resume")]);
      const { summary } = await (await control()).reconcile("shop", true, () => undefined);
      expect([summary, await runs()]).toEqual(["held", false]);
      expect((await dso("resume"))[0]).toBe(0);
      await until(runs);
    }));
});
