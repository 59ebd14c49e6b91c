/** A container that runs has heard its post_start since its start and its pre_stop, whoever was killed. */
import { describe, expect, test } from "vitest";
import type { ApplyContext } from "../../src/apply/context.ts";
import { recover } from "../../src/apply/recovery/recovery.ts";
import { DsoError } from "../../src/model/errors.ts";
import type { Plan } from "../../src/model/plan.ts";
import type { ServiceModel } from "../../src/model/project.ts";
import { desiredOf, never, planOf } from "./fixture.ts";
import { NAME, replace, runs, up, watched, type Watched, web } from "./hooked.ts";
import { mortal } from "./mortal.ts";

type Kind = "start-container" | "restart-container" | "stop-container";

const act = (kind: Kind, containerId: string) => planOf([{ kind, service: "web", containerId }]);
const idOf = async ({ engine }: Watched): Promise<string> =>
  (await engine.inspectContainer(NAME, never))!.id;

async function openEntries(world: Watched): Promise<readonly string[]> {
  const { journal } = await world.context(desiredOf(web({})));
  const open = (await journal.list("shop")).filter(({ status }) => status === "in_progress");
  return open.map(({ method }) => method);
}

/** One that runs as app:1, and what it hears from now on. */
async function standing(failing: Set<string>) {
  const world = watched({ failing });
  await up(world, web({}));
  const id = await idOf(world);
  world.heard.clear();
  return { ...world, id, failing, heardBy: () => world.heard.get(id) ?? [] };
}

/** Whether nothing is owed to it: how often it was announced since its last start or pre_stop. */
function announcedSince(heard: readonly string[]): number {
  const last = heard.findLastIndex((word) => word === "start" || word.startsWith("withdraw"));
  return heard.slice(last + 1).filter((word) => !word.endsWith("(cut off)")).length;
}

describe("one that runs on after its pre_stop is announced again", () => {
  test.each(["stop-container", "restart-container"] as const)("where %s fails", async (kind) => {
    const world = await standing(new Set(["withdraw"]));
    const { failed } = await up(world, web({}), act(kind, world.id));
    expect(failed.map(({ error }) => error.code)).toEqual(["hook-failed"]);
    expect(world.heardBy()).toEqual(["withdraw", "announce"]);
    expect(await openEntries(world)).toEqual([]);
  });

  test.each([true, false])("where a replacement fails, rollback_on_failure %s", async (back) => {
    const world = await standing(new Set(["withdraw"]));
    const { policy } = web({});
    const wanted = web({ image: "app:2" }, { policy: { ...policy, rollbackOnFailure: back } });
    const { outcome } = await replace(world, wanted, "stop-first");
    expect((await outcome()).failed.map(({ error }) => error.code)).toEqual(["rolled-back"]);
    expect(world.heardBy()).toEqual(["withdraw", "announce"]);
    expect(await runs(world)).toEqual([`${NAME} app:1 running`]);
    const { hostConfig } = (await world.engine.inspectContainer(NAME, never))!;
    expect(hostConfig.RestartPolicy).toEqual({ Name: "always" });
  });

  test("where its stop is refused", async () => {
    const world = await standing(new Set());
    const refused = new DsoError("engine-refused", "permission denied");
    const engine = { ...world.watching, stopContainer: () => Promise.reject(refused) };
    const watching = { ...world, watching: engine };
    await up(watching, web({}), act("stop-container", world.id));
    expect(world.heardBy()).toEqual(["withdraw", "announce"]);
    const { outcome } = await replace(watching, web({ image: "app:2" }), "stop-first");
    await outcome();
    expect(world.heardBy().slice(2)).toEqual(["withdraw", "announce"]);
  });

  test.each(["stop-container", "restart-container", "stop-first"] as const)(
    "where %s is to end while the hook runs: which it does first",
    async (kind) => {
      const world = await standing(new Set());
      const wanted = web({ image: kind === "stop-first" ? "app:2" : "app:1" });
      const plan =
        kind === "stop-first" ? (await replace(world, wanted, kind)).plan : act(kind, world.id);
      const stop = new AbortController();
      const exec: ApplyContext["engine"]["exec"] = (id, request, streams, signal) => {
        if (request.argv[0] === "withdraw") stop.abort();
        signal.throwIfAborted();
        return world.watching.exec(id, request, streams, signal);
      };
      const engine = { ...world.watching, exec };
      const { failed } = await world.run(desiredOf(wanted), plan, { engine, signal: stop.signal });
      expect(failed.map(({ error }) => error.code)).toEqual(["aborted"]);
      expect(world.heardBy()).toEqual(["withdraw", "announce"]);
      expect(await runs(world)).toEqual([`${NAME} app:1 running`]);
    },
  );

  test("also one that Compose has made, by what the files say", async () => {
    const world = watched({ failing: new Set(["withdraw"]) });
    await up(world, web({}), planOf([{ kind: "create-network", network: "default" }]));
    const Labels = {
      "com.docker.compose.project": "shop",
      "com.docker.compose.service": "web",
      "com.docker.compose.container-number": "1",
    };
    const NetworkingConfig = { EndpointsConfig: {} };
    const body = { Image: "app:1", Env: [], Labels, HostConfig: {}, NetworkingConfig };
    const id = await world.engine.createContainer(NAME, body, {}, never);
    await world.engine.startContainer(id, never);
    const { outcome } = await replace(world, web({ image: "app:2" }), "stop-first");
    await outcome();
    expect(world.heard.get(id)).toEqual(["withdraw", "announce"]);
  });
});

test("what is kept because the old one does not start any more is announced as it is woken", async () => {
  const world = await standing(new Set());
  world.engine.addImage("app:2", { exits: { code: 1, afterLooks: 3 } });
  const taken = new DsoError("port-taken", "host port 80 is taken");
  const engine: ApplyContext["engine"] = {
    ...world.watching,
    startContainer: (id, signal) =>
      id === world.id ? Promise.reject(taken) : world.watching.startContainer(id, signal),
  };
  const watching = { ...world, watching: engine };
  await (await replace(watching, web({ image: "app:2", restart: "no" }), "stop-first")).outcome();
  const made = await idOf(world);
  expect(made).not.toBe(world.id);
  expect(world.heard.get(made)).toEqual(["start", "announce", "start", "announce"]);
});

describe("a process that is killed anywhere leaves word of what is owed", () => {
  interface Case {
    readonly what: string;
    readonly failing?: readonly string[];
    /** Of the new version. */
    readonly model?: ServiceModel;
    readonly plan: (world: Watched & { readonly id: string }) => Promise<Plan> | Plan;
  }
  const newer = { image: "app:2" };
  const proclaimed = { ...newer, post_start: [{ command: ["proclaim"] }] };
  const replaced =
    (method: "blue-green" | "stop-first", model: ServiceModel): Case["plan"] =>
    async (world) =>
      (await replace(world, web(model), method)).plan;
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
      model: newer,
      plan: replaced("stop-first", newer),
    },
    {
      what: "replacement whose post_start fails",
      failing: ["proclaim"],
      model: proclaimed,
      plan: replaced("stop-first", proclaimed),
    },
    {
      what: "replacement beside",
      model: newer,
      plan: replaced("blue-green", newer),
    },
  ];

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

  test.each(both)("$what, $when a call", async ({ failing = [], model = {}, plan, when }) => {
    let doubles = 0;
    for (let nth = 1, died = true; died; nth++) {
      const world = await standing(new Set(failing));
      const planned = await plan(world);
      world.heard.clear();
      const desired = desiredOf(web(model));
      const context = await world.context(desired, { engine: world.watching });
      died = await dies(context, nth, when, (dying) => world.run(desired, planned, dying));
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
      const world = await standing(new Set(one.failing));
      const planned = await one.plan(world);
      world.heard.clear();
      const desired = desiredOf(web(one.model ?? {}));
      const hangs = Promise.withResolvers<"hangs">();
      const exec: ApplyContext["engine"]["exec"] = (id, { argv }) => {
        world.heard.set(id, [...(world.heard.get(id) ?? []), `${argv[0] ?? ""} (cut off)`]);
        hangs.resolve("hangs");
        return new Promise(() => undefined);
      };
      void world.run(desired, planned, { engine: { ...world.watching, exec } });
      await hangs.promise;
      world.failing.clear();
      const context = await world.context(desired, { engine: world.watching });
      died = await dies(context, nth, one.when, mend);
      await mend(context);
      doubles += await expectAnnounced(world, `call ${nth}`);
    }
    expect(doubles).toBeLessThanOrEqual(1);
  });
});
