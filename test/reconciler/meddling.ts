/** Somebody else at work on a service's containers while the loop replaces them. */
import { DsoError } from "../../src/model/errors.ts";
import { COMPOSE } from "../../src/model/labels.ts";
import type { ContainerState } from "../../src/model/observed.ts";
import type { Engine } from "../../src/model/ports.ts";
import type { FakeEngine } from "../fakes/engine.ts";
import { never } from "./world.ts";

/** What is done, and to whom: the container that served before, or any other of the service. */
export interface Deed {
  readonly to: "old" | "new";
  readonly does: "remove" | "stop" | "start" | "kill" | "rename" | "pause" | "supplant";
}

const DOINGS = ["remove", "stop", "start", "kill", "rename", "pause"] as const;

export const DEEDS: readonly Deed[] = (["old", "new"] as const).flatMap((to) =>
  DOINGS.map((does) => ({ to, does })),
);

interface Seen {
  readonly id: string;
  readonly state: ContainerState;
}

export interface Meddler {
  /** What the loop is to work with. */
  readonly outside: (engine: Engine) => Engine;
  /**
   * From now on: the deed is done just before the nth call; `cut`: and that call and all after it
   * find no engine, as if the loop had been killed.
   */
  arm(engine: FakeEngine, nth: number, deed: Deed, cut?: boolean): Promise<void>;
  /** Answers whether there were so many calls, and ends it. */
  disarm(): boolean;
  /**
   * Calls of the loop that took away the last container that ran, though another could have run; or
   * that started one beside another that must not run at once with it.
   */
  readonly wrongs: readonly string[];
  /** The call before which it was done. */
  readonly at: () => string;
  /** Whether the loop has looked at a container since. */
  readonly looked: () => boolean;
}

interface Armed {
  readonly engine: FakeEngine;
  readonly nth: number;
  readonly deed: Deed;
  readonly cut: boolean;
  readonly oldId: string;
}

export function createMeddler(method: "blue-green" | "stop-first" | "refresh"): Meddler {
  let armed: Armed | undefined;
  let calls = 0;
  let where = "";
  let looked = false;
  const wrongs: string[] = [];
  const before = async (name: string, id: unknown): Promise<void> => {
    const at = armed;
    if (at === undefined) return;
    calls += 1;
    looked ||= calls >= at.nth && name === "inspectContainer";
    if (calls === at.nth) {
      where = name;
      await meddle(at.engine, at.oldId, at.deed);
      // What is done between a look and the call that follows it nobody can see.
    } else if (!at.cut) {
      const containers = await serviceOf(at.engine);
      const takes = takesLast(method, name, id, containers);
      // Who starts one by hand has two that write, and cannot be kept from it.
      const doubles = at.deed.does !== "start" && startsSecond(method, name, id, containers);
      if (takes || doubles) wrongs.push(`${calls} ${name}`);
    }
    if (at.cut && calls >= at.nth) throw new DsoError("engine-unreachable", "the line is dead");
  };
  return {
    outside: (engine) =>
      new Proxy(engine, {
        get(target, key, receiver) {
          const call: unknown = Reflect.get(target, key, receiver);
          // What it hears of the engine it takes for no answer: it looks.
          if (typeof call !== "function" || key === "events") return call;
          return async (...args: unknown[]): Promise<unknown> => {
            await before(String(key), args[0]);
            return (call as (...args: unknown[]) => unknown)(...args);
          };
        },
      }),
    arm: async (engine, nth, deed, cut = false) => {
      const [old] = await serviceOf(engine);
      armed = { engine, nth, deed, cut, oldId: old?.id ?? "" };
      calls = 0;
    },
    disarm: () => {
      const reached = armed !== undefined && calls >= armed.nth;
      armed = undefined;
      return reached;
    },
    wrongs,
    at: () => where,
    looked: () => looked,
  };
}

/** What died by itself is started again by the engine, soon. */
export function isUp({ state }: Pick<Seen, "state">): boolean {
  return state === "running" || state === "restarting";
}

async function serviceOf(engine: FakeEngine): Promise<readonly Seen[]> {
  const { containers } = await engine.listProject("shop", never);
  return containers.filter(({ labels }) => labels[COMPOSE.service] === "web");
}

function takesLast(
  method: string,
  name: string,
  id: unknown,
  containers: readonly Seen[],
): boolean {
  const own = containers.find((one) => one.id === id);
  if (own === undefined || !/^(stop|remove)Container$/.test(name)) return false;
  if (name === "removeContainer" && containers.length === 1) return true;
  // To stop the one that runs is what stop-first is.
  if (method === "stop-first" || !isUp(own)) return false;
  return containers.every((one) => one.id === id || !isUp(one));
}

/** Never do two write at once: on the way there, and on the way back. */
function startsSecond(
  method: string,
  name: string,
  id: unknown,
  containers: readonly Seen[],
): boolean {
  if (method !== "stop-first" || !/^(start|unpause)Container$/.test(name)) return false;
  return containers.some((one) => one.id !== id && isUp(one));
}

async function meddle(engine: FakeEngine, oldId: string, { to, does }: Deed): Promise<void> {
  const containers = await serviceOf(engine);
  const target = containers.find(({ id }) => (to === "old") === (id === oldId));
  if (target === undefined) return;
  const { id, state } = target;
  switch (does) {
    case "remove":
      return engine.removeContainer(id, { force: true, volumes: false }, never);
    case "stop":
      return engine.stopContainer(id, undefined, never);
    case "start":
      return engine.startContainer(id, never);
    case "kill":
      if (state === "running") engine.crash(id, 137);
      return undefined;
    case "supplant":
      return supplant(engine, "shop-web-1");
    case "rename":
      return engine.renameContainer(id, `somebody-${to}`, never);
    case "pause":
      if (state === "running") engine.pause(id);
      return undefined;
  }
}

/** Takes the name while nobody has it. */
async function supplant(engine: FakeEngine, name: string): Promise<void> {
  if ((await engine.inspectContainer(name, never)) !== undefined) return;
  const body = { Image: "app:1", Env: [], Labels: {}, HostConfig: {} };
  await engine.createContainer(
    name,
    { ...body, NetworkingConfig: { EndpointsConfig: {} } },
    {},
    never,
  );
}
