import { describe, expect, it } from "vitest";
import { renderStatus } from "../../src/cli/render/status.ts";
import { styleOf } from "../../src/cli/render/style.ts";
import { DsoError } from "../../src/model/errors.ts";
import { standingAttempts } from "../../src/reconciler/attempts.ts";
import type { FailedAttempt } from "../../src/reconciler/state.ts";
import { projectStatus } from "../../src/reconciler/status.ts";
import { never, requestOf, withConverged, type World } from "./world.ts";

const compose = ({
  web = "app:1",
  mode = "a",
  api = "app:1",
  update = "start-first",
} = {}): string => `
services:
  web:
    image: "${web}"
    environment: { MODE: ${mode}, PASSWORD: "dso://db#password" }
    deploy: { update_config: { order: ${update} } }
  api: { image: "${api}" }
`;

const BROKEN = { exits: { code: 3 } };

/** In its world `broken:1` is an image whose program ends with 3. */
const withShop = (work: (world: World) => Promise<void>): Promise<void> =>
  withConverged(compose(), async (world) => {
    world.engine.addImage("broken:1", BROKEN);
    await work(world);
  });

/** Applies it, whatever comes of it; answers the ledger afterwards. */
async function attempt(
  world: World,
  texts: Parameters<typeof compose>[0],
): Promise<readonly FailedAttempt[]> {
  await world.apply(await world.plan(compose(texts)));
  return world.context.state.attempts("shop");
}

/** Services that would fail again just as they did. */
async function standing(
  world: World,
  texts: Parameters<typeof compose>[0],
): Promise<readonly string[]> {
  const run = await world.plan(compose(texts));
  const ledger = await world.context.state.attempts("shop");
  return standingAttempts(run, ledger).map(({ service }) => service);
}

describe("the ledger of attempts", () => {
  it("is empty while all goes well", () =>
    withShop(async (world) => {
      expect(await attempt(world, { mode: "b" })).toEqual([]);
    }));

  it("keeps what died, with what its container said", () =>
    withShop(async (world) => {
      world.secrets["db"]?.push({ password: "new", user: "u" });
      const ledger = await attempt(world, { web: "broken:1" });
      expect(ledger).toMatchObject([
        {
          service: "web",
          tries: 1,
          code: "container-exited",
          versions: { "local:db#password": "2" },
        },
      ]);
      expect(await standing(world, { web: "broken:1" })).toEqual(["web"]);
    }));

  it("counts what a person tries again", () =>
    withShop(async (world) => {
      await attempt(world, { web: "broken:1" });
      expect(await attempt(world, { web: "broken:1" })).toMatchObject([{ tries: 2 }]);
    }));

  it.each([
    ["the file says something else", (): object => ({ web: "broken:1", mode: "b" })],
    [
      "the secret has another version",
      ({ secrets }: World) => {
        secrets["db"]?.push({ password: "newer", user: "u" });
        return { web: "broken:1" };
      },
    ],
    [
      "the image of that name is another one",
      ({ engine }: World) => {
        engine.addImage("broken:1", { ...BROKEN, detail: { id: "sha256:another" } });
        return { web: "broken:1" };
      },
    ],
  ])("is about something else once %s", (_, change) =>
    withShop(async (world) => {
      await attempt(world, { web: "broken:1" });
      expect(await standing(world, change(world))).toEqual([]);
    }),
  );

  it("is not moved by what changes elsewhere", () =>
    withShop(async (world) => {
      await attempt(world, { web: "broken:1" });
      const texts = { web: "broken:1", api: "app:2" };
      world.engine.addImage("app:2");
      expect(await standing(world, texts)).toEqual(["web"]);
    }));

  it("forgets what came to serve, and only that", () =>
    withShop(async (world) => {
      await attempt(world, { web: "broken:1" });
      world.engine.addImage("broken:2", BROKEN);
      await attempt(world, { web: "broken:1", api: "broken:2" });
      const run = await world.plan(compose({ web: "broken:1" }), { targets: ["service.api"] });
      await world.apply(run);
      expect((await world.context.state.attempts("shop")).map(({ service }) => service)).toEqual([
        "web",
      ]);
      expect(await attempt(world, {})).toEqual([]);
    }));

  it.each([
    ["engine-refused", "engine-refused"],
    ["port-taken", "port-taken"],
    ["engine-conflict", "engine-conflict"],
    ["image-missing", undefined],
    ["engine-unreachable", undefined],
    ["disk-full", undefined],
  ] as const)("of what stopped the old one to no end: %s is %s", (code, kept) =>
    withShop(async (world) => {
      const was = (await world.engine.inspectContainer("shop-web-1", never))!;
      world.engine.failOn("startContainer", 1, new DsoError(code, "no"));
      const ledger = await attempt(world, { mode: "b", update: "stop-first" });
      expect(world.engine.changes()).toContain("stopContainer shop-web-1");
      expect((await world.engine.inspectContainer("shop-web-1", never))?.id).toBe(was.id);
      expect(ledger).toMatchObject(kept === undefined ? [] : [{ service: "web", code: kept }]);
    }),
  );

  it.each([
    ["startContainer", "engine-refused", 1],
    ["createContainer", "engine-refused", 1],
    ["startContainer", "port-taken", 0],
    ["startContainer", "engine-conflict", 0],
  ] as const)("of what interrupted nothing: %s with %s", (method, code, count) =>
    withShop(async (world) => {
      world.engine.failOn(method, 1, new DsoError(code, "no"));
      expect(await attempt(world, { mode: "b" })).toHaveLength(count);
    }),
  );

  it("tries a conflict again that came before the old one was stopped", () =>
    withShop(async (world) => {
      world.engine.failOn("createContainer", 1, new DsoError("engine-conflict", "in use"));
      expect(await attempt(world, { mode: "b", update: "stop-first" })).toEqual([]);
      expect(world.engine.changes()).not.toContain("stopContainer shop-web-1");
    }));

  it("keeps that the engine refused a container where none was", () =>
    withShop(async (world) => {
      await world.engine.removeContainer("shop-web-1", { force: true, volumes: false }, never);
      world.engine.failOn("startContainer", 1, new DsoError("engine-refused", "no program"));
      expect(await attempt(world, {})).toMatchObject([{ code: "engine-refused" }]);
    }));

  it("takes no passing trouble for a verdict", () =>
    withShop(async (world) => {
      const away = new DsoError("engine-unreachable", "no Docker engine");
      world.engine.failOn("createContainer", 1, away);
      expect(await attempt(world, { mode: "b" })).toEqual([]);
    }));

  it("keeps a verdict though the engine is gone by then", () =>
    withShop(async (world) => {
      const { engine } = world;
      const run = await world.plan(compose({ web: "broken:1" }));
      const away = new DsoError("engine-unreachable", "no Docker engine");
      // By the time the last words are read it has failed.
      engine.logTail = () => {
        engine.inspectImage = () => Promise.reject(away);
        return Promise.resolve("");
      };
      await world.apply(run);
      expect(await world.context.state.attempts("shop")).toMatchObject([{ service: "web" }]);
    }));

  it("does not blame a container that somebody removed", () =>
    withShop(async (world) => {
      const { engine } = world;
      const inspect = engine.inspectContainer.bind(engine);
      const removing = (id: string, signal: AbortSignal) =>
        inspect(id, signal).then(async (found) => {
          if (found?.name === "shop-web-1-new" && found.state === "running") {
            await engine.removeContainer(id, { force: true, volumes: false }, signal);
          }
          return found;
        });
      const before = await world.plan(compose({ mode: "b" }));
      Object.assign(engine, { inspectContainer: removing });
      const outcome = await world.apply(before);
      expect(outcome.failed.map(({ error }) => error.cause)).toMatchObject([
        { code: "container-removed" },
      ]);
      expect(await world.context.state.attempts("shop")).toEqual([]);
    }));

  it("stands in the status, with what is to be done", () =>
    withShop(async (world) => {
      world.secrets["db"]?.push({ password: "new", user: "u" });
      await attempt(world, { web: "broken:1" });
      const [registered] = await world.context.state.projects();
      const request = requestOf(compose({ web: "broken:1" }));
      const project = await projectStatus(world.context, { ...registered!, request }, never);
      const at = "2026-01-01T00:00:00.000Z";
      const engine = { reachable: false, error: "gone" } as const;
      const status = {
        version: "4",
        at,
        engine,
        agent: undefined,
        providers: [],
        projects: [project],
        leases: { held: [], faults: [] },
        rotations: [],
      };
      const text = renderStatus(status, styleOf({ write: () => true }, {}, false));
      expect(text).toContain("web with local:db#password @2 failed at ");
      expect(text).toContain("ended with 3");
      expect(text).toContain("not tried again until something of it changes");
    }));
});
