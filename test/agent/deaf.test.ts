/** An agent whom the system tells nothing of its files: late, or no more, as where its watches are used up. */
import { describe, expect, it, vi } from "vitest";
import type { FileWatch } from "../../src/sources/files.ts";
import { never } from "../reconciler/world.ts";
import { type Agency, COMPOSE, QUICK, until, withAgent } from "./agency.ts";

vi.mock(import("../../src/sources/files.ts"), () => ({
  watchFiles: (): FileWatch => ({ watch: () => Promise.resolve(), close: () => Promise.resolve() }),
}));

const NONE = `${QUICK}projects: { shop: { policy: { apply: none } } }\n`;

const imageOf = async ({ engine }: Agency): Promise<string | undefined> =>
  (await engine.inspectContainer("shop-web-1", never))?.config.Image;

describe("an agent that hears of no file", () => {
  it("does what it is asked to by what dso.yaml says now", () =>
    withAgent(async (agency) => {
      await agency.write("dso.yaml", NONE);
      await agency.write("compose.yaml", COMPOSE.replace("app:1", "app:2"));
      expect((await agency.dso("reconcile"))[1]).toContain("out of sync");
      expect(await imageOf(agency)).toBe("app:1");
    }));

  it("rolls nothing out by itself that dso.yaml no longer lets it", () =>
    withAgent(async (agency) => {
      const { records, engine } = agency;
      await until(() => records.some(({ msg }) => msg.startsWith("Looked")));
      await agency.write("dso.yaml", NONE);
      await agency.write("compose.yaml", COMPOSE.replace("app:1", "app:2"));
      await engine.removeContainer("shop-web-1", { force: true, volumes: false }, never);
      await until(() => records.some(({ msg }) => msg.startsWith("Looked: out of sync")));
      expect(await imageOf(agency)).toBe(undefined);
    }));
});
