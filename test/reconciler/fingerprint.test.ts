import { describe, expect, it } from "vitest";
import {
  fingerprintModel,
  fingerprintObserved,
  matchesModel,
  whatMoved,
  type ObservedFingerprint,
} from "../../src/reconciler/fingerprint.ts";
import type { Run } from "../../src/reconciler/run.ts";
import { temporaryDirectory } from "../fixtures/temporary.ts";
import { createWorld } from "./world.ts";

const COMPOSE =
  "services: { web: { image: 'app:1', volumes: ['data:/data'] } }\nvolumes: { data: }";

async function converged(
  compose = COMPOSE,
): Promise<Run & { readonly random: { hex(bytes: number): string } }> {
  await using directory = await temporaryDirectory();
  const world = await createWorld(directory.path);
  world.engine.addImage("app:1");
  await world.converge(compose);
  return { ...(await world.plan(compose)), random: world.context.random };
}

describe("what moved between two looks at the engine", () => {
  type Container = ObservedFingerprint["containers"][number];
  const moves: readonly (readonly [Partial<Container>, string])[] = [
    [{ id: "another" }, "container shop-web-1 was replaced (by dso 4.0.0)"],
    [{ hash: "another" }, "container shop-web-1 was changed"],
    [{ image: "another" }, "container shop-web-1 was changed"],
    [{ networks: ["another"] }, "container shop-web-1 was changed"],
    [{ service: "another" }, "container shop-web-1 was changed"],
    [{ running: false }, "container shop-web-1 was started"],
  ];

  it.each(moves)("a container with another %j", async (part, phrase) => {
    const { observed } = await converged();
    const now = fingerprintObserved(observed);
    const before = { ...now, containers: now.containers.map((one) => ({ ...one, ...part })) };
    expect(whatMoved(before, observed)).toEqual([phrase]);
  });

  it("networks and volumes that came, went or were made anew", async () => {
    const { observed } = await converged();
    const now = fingerprintObserved(observed);
    expect(
      whatMoved({ ...now, networks: ["shop_default other-id", "shop_old 1"] }, observed),
    ).toEqual(["network shop_default was made anew", "network shop_old is gone"]);
    expect(whatMoved({ ...now, volumes: [] }, observed)).toEqual(["volume shop_data is new"]);
    expect(whatMoved({ ...now, engine: "another" }, observed)).toEqual([
      "it was made for another engine",
    ]);
  });

  it("nothing, whatever the health, the address and the order of the lists", async () => {
    const { observed } = await converged();
    const before = fingerprintObserved(observed);
    const containers = observed.containers.map((one) => ({
      ...one,
      health: "unhealthy" as const,
      networks: one.networks.map((endpoint) => ({ ...endpoint, ipv4: "10.9.9.9" })),
    }));
    const turned = { ...observed, containers, volumes: [...observed.volumes].reverse() };
    expect(whatMoved(before, turned)).toEqual([]);
  });
});

describe("the fingerprint of a model", () => {
  it("is salted, and matches the same model alone", async () => {
    const { desired, random } = await converged();
    const [one, two] = [
      await fingerprintModel(desired, random),
      await fingerprintModel(desired, random),
    ];
    expect(one.hash).not.toBe(two.hash);
    expect(await matchesModel(one, desired)).toBe(true);
    expect(await matchesModel({ ...one, salt: two.salt }, desired)).toBe(false);
    const other = await converged(COMPOSE.replace("volumes: ['data:/data']", "user: '0'"));
    expect(await matchesModel(one, other.desired)).toBe(false);
  });
});
