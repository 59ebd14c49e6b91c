/** A container that runs has heard its post_start since its start and its pre_stop, whoever was killed. */
import { describe, expect, test } from "vitest";
import type { ApplyContext } from "../../src/apply/context.ts";
import { recover } from "../../src/apply/recovery/recovery.ts";
import { DsoError } from "../../src/model/errors.ts";
import type { DsoEvent } from "../../src/model/events.ts";
import { desiredOf, never, planOf } from "./fixture.ts";
import { act, NAME, openEntries, replace, runs, standing, up, watched, web } from "./hooked.ts";

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
  const { id: made } = (await world.engine.inspectContainer(NAME, never))!;
  expect(made).not.toBe(world.id);
  expect(world.heard.get(made)).toEqual(["start", "announce", "start", "announce"]);
});

test("a start that nobody saw the end of, and whose hook fails then, is taken back", async () => {
  const world = await standing(new Set());
  await world.engine.stopContainer(world.id, undefined, never);
  const hangs = Promise.withResolvers<undefined>();
  const exec: ApplyContext["engine"]["exec"] = () => {
    hangs.resolve(undefined);
    return new Promise(() => undefined);
  };
  const start = act("start-container", world.id);
  void world.run(desiredOf(web({})), start, { engine: { ...world.watching, exec } });
  await hangs.promise;
  world.failing.add("announce");
  const context = await world.context(desiredOf(web({})), { engine: world.watching });
  const told: DsoEvent[] = [];
  await recover("shop", context, (event) => void told.push(event), never);
  expect(await runs(world)).toEqual([`${NAME} app:1 exited`]);
  expect(told.map((event) => (event.type === "warning" ? event.message : ""))).toEqual([
    `post_start[0] of ${NAME} ended with 3; the container was stopped`,
    `the start of ${NAME} had been interrupted; it does not run`,
  ]);
  world.failing.clear();
  expect((await up(world, web({}), start)).failed).toEqual([]);
  expect(world.heardBy().slice(-2)).toEqual(["start", "announce"]);
});
