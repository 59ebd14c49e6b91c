/** New files under a container that runs on, in a world of fakes. */
import { describe, expect, test } from "vitest";
import { execute } from "../../src/apply/execute.ts";
import { recover } from "../../src/apply/recovery/recovery.ts";
import { database, NAME, running, type Running } from "./database.ts";
import { desiredOf, never, planOf } from "./fixture.ts";
import { mortal } from "./mortal.ts";

const desired = { ...desiredOf(database("app:1")), versions: new Map([["local:db", "8"]]) };
const refresh = (containerId: string) =>
  planOf([{ kind: "refresh-container", service: "db", number: 1, containerId, signal: "SIGHUP" }]);

/** What the container reads now. */
const contents = ({ generations }: Running): readonly string[] =>
  [...generations.values()].flatMap(({ versions }) => Object.values(versions));

async function changed(): Promise<Running> {
  const world = await running();
  world.secrets.set("local:db#password", "another-value");
  return world;
}

describe("a refresh", () => {
  test("swaps the files, sends the signal, and lets the container run on", async () => {
    const world = await changed();
    const before = (await world.engine.inspectContainer(NAME, never))!;
    const outcome = await world.run(desired, refresh(world.oldId));
    expect(outcome.failed).toEqual([]);
    const after = (await world.engine.inspectContainer(NAME, never))!;
    expect([after.id, after.startedAt]).toEqual([before.id, before.startedAt]);
    expect(contents(world)).toEqual(["8"]);
    expect(world.engine.calls.filter((call) => call.includes("kill"))).toHaveLength(1);
    expect(world.told("rotation-step")).toEqual(["swap-files", "send-signal", "await-health"]);
    expect([...world.rotations.values()].at(-1)).toMatchObject({
      ...{ method: "refresh", status: "completed", signal: "SIGHUP" },
    });
  });

  test.each(["before", "after"] as const)("killed at any call, %s it is made", async (when) => {
    let nth = 0;
    for (let ended = "killed"; ended === "killed";) {
      nth++;
      const world = await changed();
      const { died, context } = mortal(await world.context(desired), nth, when);
      const run = execute(refresh(world.oldId), context, () => undefined, never).then(
        () => "finished",
      );
      ended = await Promise.race([died, run]);
      await recover("shop", await world.context(desired), () => undefined, never);
      const found = (await world.engine.inspectContainer(NAME, never))!;
      expect([found.id, found.state], `call ${nth}`).toEqual([world.oldId, "running"]);
      const last = [...world.rotations.values()].at(-1);
      const done = last?.method === "refresh" && last.status === "completed";
      // Not noted as done, the files may be either: the plan that follows sees which.
      expect(["7", "8"].slice(done ? 1 : 0), `call ${nth}`).toContain(contents(world).join());
      const open = [...world.rotations.values()].filter(({ status }) =>
        /ing$|progress/.test(status),
      );
      expect(open, `call ${nth}`).toEqual([]);
    }
    expect(nth).toBeGreaterThan(8);
  });
});
