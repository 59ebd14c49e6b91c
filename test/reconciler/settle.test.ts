/** What a person had to look at is over once the service is as its files say. */
import { describe, expect, it } from "vitest";
import { createJournal } from "../../src/apply/journal/journal.ts";
import type { Rotation } from "../../src/model/journal.ts";
import { temporaryDirectory } from "../fixtures/temporary.ts";
import { compose, type Scene, withShop } from "./shop.ts";
import { withConverged, type World } from "./world.ts";

const FILE = `services:
  web: { image: "app:1" }
  api: { image: "app:1" }
`;

/** As if recovery had come to an end with the new container alone, or could not. */
function spoil({ rotations }: Pick<World, "rotations">, service = "web"): string {
  const found = [...rotations.values()].find((rotation) => rotation.service === service);
  if (found === undefined) throw new Error(`nothing was done to ${service}`);
  const error = { code: "aborted", message: "the process that worked on it was ended" };
  rotations.set(found.id, { ...found, status: "rollback_required", step: "rename-new", error });
  return found.id;
}

const statusOf = ({ rotations }: Pick<World, "rotations">, id: string): Rotation["status"] =>
  rotations.get(id)!.status;

describe("a rotation that a person had to look at", () => {
  it("is over after an apply with nothing to do, and stands in the history", () =>
    withConverged(FILE, async (world) => {
      const id = spoil(world);
      await world.converge(FILE);
      expect(world.rotations.get(id)).toMatchObject({
        status: "failed",
        error: { code: "aborted" },
      });
      const [newest] = await world.context.state.history("shop");
      expect(newest).toMatchObject({
        outcome: "applied",
        reasons: [
          "container.web[1]: put_right (rollback_required since 2026-01-01T00:00:00.000Z: the process that worked on it was ended)",
        ],
      });
      await world.converge(FILE);
      expect((await world.context.state.history("shop"))[0]).toEqual(newest);
    }));

  it("stands while it fails again", () =>
    withConverged(FILE, async (world) => {
      const id = spoil(world);
      world.engine.addImage("broken:1", { exits: { code: 3 } });
      const run = await world.plan(
        FILE.replace('web: { image: "app:1"', 'web: { image: "broken:1"'),
      );
      await world.apply(run);
      expect(statusOf(world, id)).toBe("rollback_required");
    }));

  it("stands while nobody looks at its service, or changes anything", () =>
    withConverged(FILE, async (world) => {
      const [web, api] = [spoil(world, "web"), spoil(world, "api")];
      await world.converge(FILE, { mode: "refresh-only" });
      expect([statusOf(world, web), statusOf(world, api)]).toEqual([
        "rollback_required",
        "rollback_required",
      ]);
      await world.converge(FILE, { targets: ["service.api"] });
      expect([statusOf(world, web), statusOf(world, api)]).toEqual(["rollback_required", "failed"]);
    }));

  it("is over where the project is taken down", () =>
    withConverged(FILE, async (world) => {
      const id = spoil(world);
      await world.converge(FILE, { mode: "destroy" });
      expect(statusOf(world, id)).toBe("failed");
    }));

  it("is over for the agent, too, which says nothing of it again", () =>
    withShop(async (scene: Scene) => {
      await scene.write(compose({ web: "app:2" }));
      await scene.look();
      const id = spoil(scene);
      expect(await scene.look()).toMatchObject({ outcome: "worked" });
      expect(statusOf(scene, id)).toBe("failed");
      expect(await scene.look()).toMatchObject({ outcome: "quiet" });
    }));
});

it("is dropped with age like any other, once it is over", async () => {
  await using directory = await temporaryDirectory();
  const journal = createJournal(directory.path);
  const rotation = (id: string, status: Rotation["status"]): Rotation => ({
    ...{ id, project: "shop", service: "web", number: 1, name: "shop-web-1", status },
    ...{ method: "stop-first", step: "rename-new", why: "test", error: undefined },
    ...{ startedAt: "", updatedAt: "", old: undefined, new: undefined },
    versions: { from: {}, to: {} },
  });
  await journal.write(rotation("over", "failed"));
  await journal.write(rotation("stands", "rollback_required"));
  for (let nth = 0; nth < 40; nth++) await journal.write(rotation(`n${nth}`, "completed"));
  const kept = (await journal.list("shop")).map(({ id }) => id);
  expect([kept.includes("over"), kept.includes("stands")]).toEqual([false, true]);
});
