/** What a service wants run before its containers start, after that, and before they stop. */
import { describe, expect, test } from "vitest";
import type { ApplyContext } from "../../src/apply/context.ts";
import { recover } from "../../src/apply/recovery/recovery.ts";
import type { DesiredService } from "../../src/model/desired.ts";
import type { ServiceModel } from "../../src/model/project.ts";
import { createWorld, createWeb, desiredOf, never, network, planOf, service } from "./fixture.ts";
import type { World } from "./fixture.ts";
import { mortal } from "./mortal.ts";

const NAME = "shop-web-1";

const HOOKED: ServiceModel = {
  restart: "always",
  post_start: [{ command: ["announce"], user: "root", environment: { A: "1", B: null } }],
  pre_stop: [{ command: ["withdraw"], working_dir: "/srv" }],
};

const web = (model: ServiceModel, more: Partial<DesiredService> = {}) =>
  service("web", { ...HOOKED, ...model }, more);

interface Options {
  /** Commands that end with 3. */
  readonly failing?: Set<string>;
  /** Images whose program ends with this. */
  readonly ends?: Readonly<Record<string, number>>;
}

/** A world that tells what was run where, in order: `container command`, and `start container`. */
function watched({ failing = new Set(), ends = { "before:1": 0 } }: Options = {}) {
  const world = createWorld();
  for (const [image, code] of Object.entries(ends))
    world.engine.addImage(image, { exits: { code } });
  const { engine } = world;
  const ran: string[] = [];
  const nameOf = async (id: string): Promise<string> =>
    (await engine.inspectContainer(id, never))?.name.replace(/-[0-9a-f]{8}$/, "") ?? id;
  const watching: ApplyContext["engine"] = {
    ...engine,
    async exec(id, request, streams, signal) {
      ran.push(`${await nameOf(id)} ${request.argv.join(" ")}`);
      if (failing.has(request.argv[0] ?? "")) {
        streams.output(Buffer.from("no such registry\n"));
        return 3;
      }
      return engine.exec(id, request, streams, signal);
    },
    async startContainer(id, signal) {
      ran.push(`start ${await nameOf(id)}`);
      await engine.startContainer(id, signal);
    },
  };
  return { ...world, ran, watching };
}

type Watched = ReturnType<typeof watched>;

async function up(world: Watched, wanted: DesiredService, plan = planOf([network, createWeb])) {
  return world.run(desiredOf(wanted), plan, { engine: world.watching });
}

async function runs(world: World): Promise<readonly string[]> {
  const { containers } = await world.engine.listProject("shop", never);
  return containers.map(({ name, image, state }) => `${name} ${image} ${state}`);
}

async function replace(
  world: Watched,
  wanted: DesiredService,
  method: "blue-green" | "stop-first",
) {
  const { id: oldId } = (await world.engine.inspectContainer(NAME, never))!;
  const names = { name: NAME, oldId, oldName: NAME, number: 1, expectedDowntimeMs: 0 };
  const plan = planOf([{ kind: "replace-container", service: "web", method, ...names }]);
  return { plan, outcome: () => up(world, wanted, plan) };
}

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

describe("containers before the service's own", () => {
  const before = (more: ServiceModel = {}) => ({ image: "before:1", ...more });

  test("run to their end, and are gone when it starts", async () => {
    const world = watched({ ends: { "before:1": 0, "before:2": 0 } });
    const model = { pre_start: [before(), before({ image: "before:2" })] };
    expect((await up(world, web(model))).failed).toEqual([]);
    expect(world.ran).toEqual([
      ...["start shop-web-pre-start-1", "start shop-web-pre-start-2"],
      ...[`start ${NAME}`, `${NAME} announce`],
    ]);
    expect(await runs(world)).toEqual([`${NAME} app:1 running`]);
  });

  test("one that does not end with 0 keeps the service from starting", async () => {
    const world = watched({ ends: { "before:1": 7 } });
    const { failed } = await up(world, web({ pre_start: [before()] }));
    expect(failed.map(({ error }) => error.message)).toEqual(["pre_start[0] of web ended with 7"]);
    expect(await runs(world)).toEqual([]);
  });

  test("in a replacement, the old one is back", async () => {
    const world = watched({ ends: { "before:1": 7 } });
    await up(world, web({}));
    const wanted = web({ image: "app:2", pre_start: [before()] });
    for (const method of ["blue-green", "stop-first"] as const) {
      const { outcome } = await replace(world, wanted, method);
      expect((await outcome()).failed.map(({ error }) => error.code)).toEqual(["rolled-back"]);
      expect(await runs(world)).toEqual([`${NAME} app:1 running`]);
    }
  });

  test("run once for all replicas, or before each; and not for one more", async () => {
    const world = watched({ ends: { "before:1": 0, "each:1": 0 } });
    const each = before({ image: "each:1" });
    const model = { pre_start: [before(), { ...each, per_replica: true }] };
    const create = (number: number) => ({ ...createWeb, number, name: `shop-web-${number}` });
    await up(world, web(model), planOf([network, create(1), { ...create(2), after: [1] }]));
    const count = (name: string): number => world.ran.filter((line) => line.endsWith(name)).length;
    expect([count("pre-start-1"), count("pre-start-2")]).toEqual([1, 2]);
    await up(world, web(model), planOf([create(3)]));
    expect([count("pre-start-1"), count("pre-start-2")]).toEqual([1, 3]);
  });

  test("run before a start of what was stopped, and not before a restart", async () => {
    const world = watched();
    const model = { pre_start: [before()] };
    await up(world, web(model));
    const { id: containerId } = (await world.engine.inspectContainer(NAME, never))!;
    world.ran.length = 0;
    const act = (kind: "restart-container" | "start-container") =>
      up(world, web(model), planOf([{ kind, service: "web", containerId }]));
    await act("restart-container");
    expect(world.ran).toEqual([`${NAME} withdraw`, `start ${NAME}`, `${NAME} announce`]);
    await world.engine.stopContainer(containerId, undefined, never);
    world.ran.length = 0;
    await act("start-container");
    expect(world.ran[0]).toBe("start shop-web-pre-start-1");
  });

  test("have the mounts of the service, its variables, and nobody who is led to them", async () => {
    const world = watched();
    const bodies: Parameters<ApplyContext["engine"]["createContainer"]>[1][] = [];
    const engine: ApplyContext["engine"] = {
      ...world.watching,
      createContainer: (name, body, ...more) => {
        bodies.push(body);
        return world.watching.createContainer(name, body, ...more);
      },
    };
    const environment = { FROM_FILE: "f", OWN: "1", PASSWORD: "dso://db#password" };
    const lent = { user: "1000", networks: { default: { ipv4_address: "10.0.0.9" } } };
    const pre_start = [{ image: "app:1", command: ["migrate"], ...lent, environment }];
    world.engine.addImage("app:1", { exits: { code: 0 } });
    const given = { environment: { PASSWORD: "dso://db#password" }, pre_start };
    await up({ ...world, watching: engine }, web(given));
    const [own, first] = bodies;
    expect(first).toMatchObject({
      ...{ Cmd: ["migrate"], User: "1000" },
      Env: ["FROM_FILE=f", "OWN=1", "PASSWORD=dso://db#password"],
      NetworkingConfig: { EndpointsConfig: { shop_default: { Aliases: [] } } },
      HostConfig: { RestartPolicy: { Name: "no" }, VolumesFrom: [expect.any(String)] },
    });
    expect(Object.keys(first?.Labels ?? {})).not.toContain("com.docker.compose.container-number");
    expect(own?.Image).toBe("app:1");
  });
});
