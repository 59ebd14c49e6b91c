/** Whoever is killed around a hook leaves word of what is owed to a container, for the next run to do. */
import { describe, expect, test } from "vitest";
import type { ApplyContext } from "../../src/apply/context.ts";
import { recover } from "../../src/apply/recovery/recovery.ts";
import type { DesiredService } from "../../src/model/desired.ts";
import type { Plan } from "../../src/model/plan.ts";
import { desiredOf, never, planOf, withFile } from "./fixture.ts";
import { act, openEntries, replace, standing, type Watched, web } from "./hooked.ts";
import { mortal } from "./mortal.ts";

/** Whether nothing is owed to it: how often it was announced since its last start or pre_stop. */
function announcedSince(heard: readonly string[]): number {
  const last = heard.findLastIndex((word) => word === "start" || word.startsWith("withdraw"));
  return heard.slice(last + 1).filter((word) => !word.endsWith("(cut off)")).length;
}

describe("a process that is killed anywhere leaves word of what is owed", () => {
  interface Case {
    readonly what: string;
    readonly failing?: readonly string[];
    readonly was?: DesiredService;
    /** What it is to be, where that is another. */
    readonly wanted?: DesiredService;
    readonly plan: (world: Watched & { readonly id: string }) => Promise<Plan> | Plan;
  }
  const newer = web({ image: "app:2" });
  const proclaimed = web({ image: "app:2", post_start: [{ command: ["proclaim"] }] });
  const filed = web({}, withFile("dsofile://db#password"));
  const replaced =
    (method: "blue-green" | "stop-first"): Case["plan"] =>
    async (world) =>
      (await replace(world, newer, method)).plan;
  const cases: readonly Case[] = [
    {
      what: "start",
      plan: async ({ engine, id }) => {
        await engine.stopContainer(id, undefined, never);
        return act("start-container", id);
      },
    },
    { what: "restart", plan: ({ id }) => act("restart-container", id) },
    { what: "stop", plan: ({ id }) => act("stop-container", id) },
    {
      what: "stop whose pre_stop fails",
      failing: ["withdraw"],
      plan: ({ id }) => act("stop-container", id),
    },
    {
      what: "replacement whose pre_stop fails",
      failing: ["withdraw"],
      wanted: newer,
      plan: replaced("stop-first"),
    },
    {
      what: "replacement whose post_start fails",
      failing: ["proclaim"],
      wanted: proclaimed,
      plan: replaced("stop-first"),
    },
    {
      what: "replacement, without a pre_stop, whose post_start fails",
      failing: ["proclaim"],
      was: web({ pre_stop: [] }),
      wanted: proclaimed,
      plan: replaced("stop-first"),
    },
    {
      what: "replacement beside",
      wanted: newer,
      plan: replaced("blue-green"),
    },
    {
      what: "refresh that its program does not outlive",
      was: filed,
      plan: ({ id }) => {
        const refresh = { service: "web", number: 1, containerId: id, signal: "SIGHUP" };
        return planOf([{ kind: "refresh-container", ...refresh }]);
      },
    },
  ];

  async function begun({ failing = [], was = web({}), wanted = was, plan }: Case) {
    const world = await standing(new Set(failing), was);
    const planned = await plan(world);
    world.heard.clear();
    let signals = 0;
    // New files end it, and the old ones do not.
    const killContainer: ApplyContext["engine"]["killContainer"] = async (id, posix, signal) => {
      if (signals++ > 0) return world.engine.killContainer(id, posix, signal);
      return world.engine.stopContainer(id, undefined, signal);
    };
    const engine = { ...world.watching, killContainer };
    return { world, planned, desired: desiredOf(wanted), engine };
  }

  /** Dies at the nth call, and says whether it did. */
  async function dies(context: ApplyContext, nth: number, when: "before" | "after", work: Work) {
    const dying = mortal(context, nth, when);
    const run = work(dying.context).then(
      () => "lived",
      () => "lived",
    );
    return (await Promise.race([dying.died, run])) !== "lived";
  }
  type Work = (context: ApplyContext) => Promise<unknown>;
  const mend: Work = (context) => recover("shop", context, () => undefined, never);

  /** Every one that runs has heard what it is owed. Answers how many have heard it twice. */
  async function expectAnnounced(world: Watched, where: string): Promise<number> {
    const { containers } = await world.engine.listProject("shop", never);
    let doubles = 0;
    for (const { id, state } of containers) {
      const heard = world.heard.get(id) ?? [];
      if (state !== "running" || heard.length === 0) continue;
      const count = announcedSince(heard);
      expect([1, 2], `${where}: ${heard.join(" ")}`).toContain(count);
      if (count === 2) doubles++;
    }
    expect(await openEntries(world), where).toEqual([]);
    return doubles;
  }

  const both = cases.flatMap((one) =>
    (["before", "after"] as const).map((when) => ({ ...one, when })),
  );

  test.each(both)("$what, $when a call", async (one) => {
    let doubles = 0;
    for (let nth = 1, died = true; died; nth++) {
      const { world, planned, desired, engine } = await begun(one);
      const context = await world.context(desired, { engine });
      died = await dies(context, nth, one.when, (dying) => world.run(desired, planned, dying));
      await mend(context);
      doubles += await expectAnnounced(world, `call ${nth}`);
      const before = JSON.stringify([...world.heard]);
      await mend(context);
      expect(JSON.stringify([...world.heard]), `call ${nth}`).toBe(before);
    }
    // Only between the end of a hook and the note of it can nobody know.
    expect(doubles).toBeLessThanOrEqual(1);
  });

  test.each(both)("$what, in a hook, and whoever mends it $when a call", async (one) => {
    let doubles = 0;
    for (let nth = 1, died = true; died; nth++) {
      const { world, planned, desired, engine } = await begun(one);
      const hangs = Promise.withResolvers<"hangs">();
      const exec: ApplyContext["engine"]["exec"] = (id, { argv }) => {
        world.heard.set(id, [...(world.heard.get(id) ?? []), `${argv[0] ?? ""} (cut off)`]);
        hangs.resolve("hangs");
        return new Promise(() => undefined);
      };
      void world.run(desired, planned, { engine: { ...engine, exec } });
      await hangs.promise;
      world.failing.clear();
      const context = await world.context(desired, { engine });
      died = await dies(context, nth, one.when, mend);
      await mend(context);
      doubles += await expectAnnounced(world, `call ${nth}`);
    }
    expect(doubles).toBeLessThanOrEqual(1);
  });
});
