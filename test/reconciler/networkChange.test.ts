/** A network whose definition changes, and a process that is killed while neither the old nor the new one is there. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { planText } from "../../src/diff/text.ts";
import { createWorld, never } from "./world.ts";

const compose = (subnet: string): string => `
services:
  web:
    image: app:1
    networks: { back: { aliases: [www] } }
    healthcheck: { test: [CMD, "true"] }
networks:
  back: { ipam: { config: [{ subnet: ${subnet} }] } }
`;

test.each(["10.7.0.0/24", "10.8.0.0/24"])(
  "the next run makes the network and connects the service, with the subnet %s",
  async (subnet) => {
    const directory = await mkdtemp(join(tmpdir(), "dso-test-"));
    try {
      const world = await createWorld(directory);
      const { engine } = world;
      engine.addImage("app:1");
      await world.converge(compose("10.7.0.0/24"));
      const [before] = (await engine.listProject("shop", never)).containers;
      // What a kill between remove and create leaves; nothing of it stands in the journal.
      await engine.disconnectNetwork("shop_back", before!.id, never);
      await engine.removeNetwork("shop_back", never);

      await world.converge(compose(subnet));

      const network = await engine.inspectNetwork("shop_back", never);
      expect(network?.subnets).toMatchObject([{ subnet }]);
      const [web] = (await engine.listProject("shop", never)).containers;
      const detail = await engine.inspectContainer(web!.id, never);
      expect(detail?.state).toBe("running");
      expect(detail?.networks).toMatchObject([{ networkId: network?.id }]);
      expect(detail?.networks[0]?.aliases).toContain("www");
      expect(planText((await world.plan(compose(subnet))).plan)).toBe("");
    } finally {
      await rm(directory, { recursive: true });
    }
  },
);
