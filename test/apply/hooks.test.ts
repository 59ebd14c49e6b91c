/** What a service wants run in its containers after their start, and before they stop. */
import { describe, expect, test } from "vitest";
import type { ApplyContext } from "../../src/apply/context.ts";
import { recover } from "../../src/apply/recovery/recovery.ts";
import { desiredOf, never, planOf } from "./fixture.ts";
import { NAME, replace, runs, up, watched, web } from "./hooked.ts";
import { mortal } from "./mortal.ts";

describe("commands in a container", () => {
  test("run after its start and before its stop, as who and where they say", async () => {
    const world = watched();
    const asked: unknown[] = [];
    const engine: ApplyContext["engine"] = {
      ...world.watching,
      exec: (id, request, ...more) => {
        asked.push(request);
        return world.watching.exec(id, request, ...more);
      },
    };
    expect((await up({ ...world, watching: engine }, web({}))).failed).toEqual([]);
    expect(world.ran).toEqual([`start ${NAME}`, `${NAME} announce`]);
    const { id: containerId } = (await world.engine.inspectContainer(NAME, never))!;
    await up(
      { ...world, watching: engine },
      web({}),
      planOf([{ kind: "stop-container", containerId }]),
    );
    expect(world.ran.at(-1)).toBe(`${NAME} withdraw`);
    expect(asked).toEqual([
      { argv: ["announce"], user: "root", environment: ["A=1", "B"], tty: false },
      { argv: ["withdraw"], workingDir: "/srv", environment: [], tty: false },
    ]);
  });

  test.each(["blue-green", "stop-first"] as const)("run on both sides of %s", async (method) => {
    const world = watched();
    await up(world, web({}));
    world.ran.length = 0;
    const { outcome } = await replace(world, web({ image: "app:2" }), method);
    expect((await outcome()).failed).toEqual([]);
    const [first, second] = [`${NAME}-new announce`, `${NAME}-old withdraw`];
    expect(world.ran).toEqual(
      method === "blue-green"
        ? [`start ${NAME}-new`, first, second]
        : [`${NAME} withdraw`, `start ${NAME}`, `${NAME} announce`],
    );
    expect(await runs(world)).toEqual([`${NAME} app:2 running`]);
  });

  test("one that fails at a creation leaves nothing behind, and is told with its words", async () => {
    const world = watched({ failing: new Set(["announce"]) });
    const { failed } = await up(world, web({}));
    expect(failed.map(({ error }) => error.code)).toEqual(["hook-failed"]);
    expect(failed[0]?.error.message).toBe(
      `post_start[0] of ${NAME} ended with 3: no such registry`,
    );
    expect(await runs(world)).toEqual([]);
  });

  test.each(["blue-green", "stop-first"] as const)(
    "one that fails after the start of %s brings the old one back",
    async (method) => {
      const failing = new Set<string>();
      const world = watched({ failing });
      await up(world, web({}));
      failing.add("announce");
      const { outcome } = await replace(world, web({ image: "app:2" }), method);
      expect((await outcome()).failed.map(({ error }) => error.code)).toEqual(["rolled-back"]);
      expect(await runs(world)).toEqual([`${NAME} app:1 running`]);
    },
  );

  test("one that fails before a stop keeps the container, but not one that was taken over from", async () => {
    const failing = new Set(["withdraw"]);
    const world = watched({ failing });
    await up(world, web({}));
    const { id: containerId } = (await world.engine.inspectContainer(NAME, never))!;
    const stop = await up(world, web({}), planOf([{ kind: "stop-container", containerId }]));
    expect(stop.failed.map(({ error }) => error.code)).toEqual(["hook-failed"]);
    expect(stop.failed[0]?.error.hint).toContain(`docker stop ${NAME}`);
    expect(await runs(world)).toEqual([`${NAME} app:1 running`]);
    const first = await replace(world, web({ image: "app:2" }), "stop-first");
    expect((await first.outcome()).failed.map(({ error }) => error.code)).toEqual(["rolled-back"]);
    expect(await runs(world)).toEqual([`${NAME} app:1 running`]);
    const beside = await replace(world, web({ image: "app:2" }), "blue-green");
    expect((await beside.outcome()).failed).toEqual([]);
    expect(await runs(world)).toEqual([`${NAME} app:2 running`]);
    expect(world.told("warning").join()).toContain("pre_stop[0]");
  });

  test("a started container whose hook fails is stopped again, to be tried again", async () => {
    const failing = new Set<string>();
    const world = watched({ failing });
    await up(world, web({}));
    const { id: containerId } = (await world.engine.inspectContainer(NAME, never))!;
    await world.engine.stopContainer(containerId, undefined, never);
    failing.add("announce");
    const start = planOf([{ kind: "start-container", service: "web", containerId }]);
    expect((await up(world, web({}), start)).failed).toHaveLength(1);
    expect(await runs(world)).toEqual([`${NAME} app:1 exited`]);
    failing.clear();
    expect((await up(world, web({}), start)).failed).toEqual([]);
    expect(await runs(world)).toEqual([`${NAME} app:1 running`]);
  });

  test("what was stopped to be replaced, and is back, is announced again", async () => {
    const world = watched({ failing: new Set(["proclaim"]) });
    await up(world, web({}));
    const wanted = web({ image: "app:2", post_start: [{ command: ["proclaim"] }] });
    await (await replace(world, wanted, "stop-first")).outcome();
    expect(world.ran.slice(-2)).toEqual([`start ${NAME}-old`, `${NAME}-old announce`]);
    expect(await runs(world)).toEqual([`${NAME} app:1 running`]);
  });

  test.each(["start-container", "restart-container"] as const)(
    "an interrupted hook of %s leaves nothing that runs as if it were through",
    async (kind) => {
      const world = watched();
      await up(world, web({}));
      const { id: containerId } = (await world.engine.inspectContainer(NAME, never))!;
      if (kind === "start-container") await world.engine.stopContainer(containerId, 0, never);
      const stop = new AbortController();
      const exec: ApplyContext["engine"]["exec"] = (_id, { argv }, _streams, signal) => {
        if (argv[0] === "announce") stop.abort();
        return signal.aborted ? Promise.reject(signal.reason as Error) : Promise.resolve(0);
      };
      const engine = { ...world.watching, exec };
      const context = { engine, signal: stop.signal };
      await world.run(desiredOf(web({})), planOf([{ kind, service: "web", containerId }]), context);
      expect(await runs(world)).toEqual([`${NAME} app:1 exited`]);
      const { journal } = await world.context(desiredOf(web({})));
      expect((await journal.list("shop")).filter(({ method }) => method === "stop")).toEqual([]);
    },
  );

  test.each(["blue-green", "stop-first"] as const)(
    "a process that is killed anywhere in %s leaves no new one that was not announced",
    async (method) => {
      for (let nth = 1; ; nth++) {
        const world = watched();
        await up(world, web({}));
        const { plan } = await replace(world, web({ image: "app:2" }), method);
        world.ran.length = 0;
        const desired = desiredOf(web({ image: "app:2" }));
        const whole = await world.context(desired, { engine: world.watching });
        const { died, context } = mortal(whole, nth, "after");
        const run = world.run(desired, plan, context);
        if ((await Promise.race([died, run.then(() => "lived")])) === "lived") break;
        // Begun once more: what ran before it was killed may not have run to its end.
        const cut = world.watching;
        await recover("shop", { ...whole, engine: cut }, () => undefined, never);
        const [one, ...others] = await runs(world);
        expect(others, `call ${nth}`).toEqual([]);
        expect(one, `call ${nth}`).toMatch(/^shop-web-1 app:[12] running$/);
        const announced = world.ran.some((line) => line.endsWith(" announce"));
        if (one?.includes("app:2") === true) expect(announced, `call ${nth}`).toBe(true);
      }
    },
  );
});
