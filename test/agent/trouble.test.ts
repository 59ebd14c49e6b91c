/** An agent among people: half written files, unknown variables, damaged state, a command at the same time. */
import { randomUUID } from "node:crypto";
import { rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { pauseMs } from "../../src/agent/backOff.ts";
import { claimEngine } from "../../src/agent/beacon.ts";
import { inspectLock } from "../../src/lib/lockRecord.ts";
import { never } from "../reconciler/world.ts";
import { type Agency, COMPOSE, QUICK, until, withAgency, withAgent } from "./agency.ts";

const SHOP = "projects: { shop: { policy: { prune: false } } }\n";

const modeOf = async ({ engine }: Agency): Promise<string | undefined> =>
  (await engine.inspectContainer("shop-web-1", never))?.config.Env.find((one) =>
    one.startsWith("MODE="),
  );

const said = ({ records }: Agency, code: string): boolean =>
  records.some((record) => record.code === code);

describe("an agent among people", () => {
  it("goes by the files that a person named, unless dso.yaml names others", () =>
    withAgency(async (agency) => {
      await agency.write("prod.yaml", "services: { web: { environment: { MODE: prod } } }");
      await agency.dso("-f", "compose.yaml", "-f", "prod.yaml", "up", "-d");
      await agency.write("dso.yaml", QUICK + SHOP);
      await agency.start();
      expect(await agency.dso("reconcile")).toEqual([0, "shop: nothing to do\n"]);
      expect(await modeOf(agency)).toBe("MODE=prod");
      const named = SHOP.replace("policy", "files: [compose.yaml], policy");
      await agency.write("dso.yaml", QUICK + named);
      await until(async () => (await modeOf(agency)) === "MODE=a");
    }));

  it("keeps what a shell once said, also while the files do not ask for it", () =>
    withAgency(async (agency) => {
      const asking = COMPOSE.replace("MODE: a", 'MODE: "${MODE}"');
      agency.variables["MODE"] = "from the shell";
      await agency.write("compose.yaml", asking);
      await agency.dso("up", "-d");
      delete agency.variables["MODE"];
      await agency.start();
      for (const [text, mode] of [
        [COMPOSE, "MODE=a"],
        [asking, "MODE=from the shell"],
      ] as const) {
        await agency.write("compose.yaml", text);
        expect((await agency.dso("reconcile"))[0]).toBe(0);
        expect(await modeOf(agency)).toBe(mode);
      }
    }));

  it("rolls no variable out that nobody has ever set", () =>
    withAgent(async (agency) => {
      await agency.write("compose.yaml", COMPOSE.replace("MODE: a", 'MODE: "${NEW}"'));
      const [code, text] = await agency.dso("reconcile");
      expect([code, text]).toEqual([1, expect.stringContaining("the variable NEW is not set")]);
      expect(await modeOf(agency)).toBe("MODE=a");
      await agency.write("compose.yaml", COMPOSE.replace("MODE: a", 'MODE: "${NEW:-b}"'));
      await until(async () => (await modeOf(agency)) === "MODE=b");
    }));

  it("rolls no variable out that only a file of variables asks for", () =>
    withAgent(async (agency) => {
      await agency.write("app.env", "URL=http://${HOST_OF_ANOTHER_SHELL}/\n");
      const withFile = `name: shop
services:
  web: { image: "app:1", env_file: [app.env], environment: { PASSWORD: "dso://db#password" }, x-dso: { env: exposed } }
`;
      await agency.write("compose.yaml", withFile);
      const [code, text] = await agency.dso("reconcile");
      expect([code, text]).toEqual([
        1,
        expect.stringContaining("HOST_OF_ANOTHER_SHELL is not set"),
      ]);
      const bare = withFile.replace(
        "env_file: [app.env], environment: { ",
        "environment: { TOKEN: , ",
      );
      await agency.write("compose.yaml", bare);
      expect((await agency.dso("reconcile"))[1]).toContain("the variable TOKEN is not set");
    }));

  it("takes a variable that was not set when a person applied it", () =>
    withAgency(async (agency) => {
      await agency.write("compose.yaml", COMPOSE.replace("MODE: a", 'MODE: "${NEVER}"'));
      await agency.dso("up", "-d");
      await agency.start();
      expect(await agency.dso("reconcile")).toEqual([0, "shop: nothing to do\n"]);
    }));

  it("keeps to its policies while dso.yaml is empty", () =>
    withAgency(async (agency) => {
      const none = `${QUICK}projects: { shop: { policy: { apply: none } } }\n`;
      await agency.dso("up", "-d");
      await agency.write("dso.yaml", none);
      await agency.start();
      await agency.write("compose.yaml", COMPOSE.replace("MODE: a", "MODE: b"));
      await agency.write("dso.yaml", "");
      await until(() => said(agency, "config-gone"));
      const [, text] = await agency.dso("reconcile");
      expect(text).toContain("out of sync");
      expect(await modeOf(agency)).toBe("MODE=a");
    }));

  it("takes what dso.yaml came to say after it was read, and before it was watched", () =>
    withAgency(async (agency) => {
      await agency.dso("up", "-d");
      const none = `${QUICK}projects: { shop: { policy: { apply: none } } }\n`;
      await agency.start(async () => agency.write("dso.yaml", none));
      await agency.write("compose.yaml", COMPOSE.replace("MODE: a", "MODE: b"));
      await until(async () => (await agency.dso("reconcile"))[1].includes("out of sync"));
      expect(await modeOf(agency)).toBe("MODE=a");
    }));

  it("finds dso.yaml where it was moved to", () =>
    withAgency(async (agency) => {
      await agency.dso("up", "-d");
      await agency.start();
      await agency.write(
        "elsewhere.yaml",
        `${QUICK}projects: { shop: { policy: { apply: none } } }\n`,
      );
      await rm(join(agency.directory, "dso.yaml"));
      await agency.write("compose.yaml", COMPOSE.replace("MODE: a", "MODE: b"));
      expect((await agency.dso("reconcile"))[1]).toContain("out of sync");
    }));

  it("looks after the others where the state of one is damaged", () =>
    withAgency(async (agency) => {
      await agency.dso("up", "-d");
      const { stateDir } = agency.context.paths;
      await writeFile(join(stateDir, "project-other.json"), "{", { mode: 0o600 });
      await agency.start();
      await until(() => said(agency, "state-corrupt"));
      // That is said before it is known which ones there are.
      const names = async (): Promise<string> =>
        (await (await agency.control()).status()).projects.map(({ name }) => name).join();
      await until(async () => (await names()) !== "");
      expect(await names()).toBe("shop");
    }));

  it("finds a project held that is taken down or rolled back, before the lock is given back", () =>
    withAgency(async (agency) => {
      await agency.write("dso.yaml", QUICK + SHOP);
      await agency.dso("up", "-d");
      await agency.write("compose.yaml", COMPOSE.replace("MODE: a", "MODE: b"));
      await agency.dso("up", "-d");
      const { state, paths } = agency.context;
      const locked: boolean[] = [];
      const setHold: typeof state.setHold = (project, hold) => {
        locked.push(inspectLock(join(paths.locksDir, "project-shop.lock")) !== undefined);
        return state.setHold(project, hold);
      };
      Object.assign(agency.context, { state: { ...state, setHold } });
      expect((await agency.dso("rollback", "-auto-approve"))[0]).toBe(0);
      expect((await agency.dso("down"))[0]).toBe(0);
      expect(locked).toEqual([true, true]);
    }));

  it("tells of a defect of its own, and tries again", () =>
    withAgent(async (agency) => {
      const { engine } = agency;
      const listProject = engine.listProject.bind(engine);
      Object.assign(engine, { listProject: () => Promise.reject(new TypeError("no such thing")) });
      expect((await agency.dso("reconcile"))[0]).toBe(1);
      expect(said(agency, "internal")).toBe(true);
      Object.assign(engine, { listProject });
      expect((await agency.dso("status"))[1]).toContain("no such thing");
      expect(await agency.dso("reconcile")).toEqual([0, "shop: nothing to do\n"]);
    }));

  it("asks an engine that is away at least every thirty seconds", () => {
    const waits = [1, 2, 6, 50].map((failures) =>
      [0, 1].map((random) => Math.round(pauseMs(failures, random))),
    );
    expect(waits).toEqual([
      [800, 1200],
      [1600, 2400],
      [24_000, 30_000],
      [24_000, 30_000],
    ]);
  });

  it("hangs up on who asks for its name and stays", async () => {
    // Of this host: another run of the tests may be at work on it.
    const id = randomUUID();
    const claim = await claimEngine(id, { who: "me", home: "/home/me/.dso" });
    const caller = connect(`\0dso-agent:${id}`);
    const heard = await new Promise((resolve) => caller.once("data", resolve));
    expect(String(heard)).toContain("/home/me/.dso");
    await claim.release();
    caller.destroy();
  });
});
