import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { waitRunning, waitServing } from "../../src/apply/rollout/health.ts";
import { listenTo } from "../../src/apply/rollout/listener.ts";
import { createFakeEngine } from "../fakes/engine.ts";
import { never, service } from "./fixture.ts";

const LONG = 3_600_000;

async function running() {
  const engine = createFakeEngine();
  engine.addImage("app");
  const body = {
    Image: "app",
    Env: [],
    Labels: {},
    HostConfig: { RestartPolicy: { Name: "no" } as const },
    NetworkingConfig: { EndpointsConfig: {} },
  };
  const make = async (name: string): Promise<string> => {
    const id = await engine.createContainer(name, body, {}, never);
    await engine.startContainer(id, never);
    return id;
  };
  const clock = {
    now: () => Date.now(),
    elapsed: () => Date.now(),
    sleep: (ms: number, signal: AbortSignal) => sleep(ms, undefined, { signal }),
  };
  return { engine, tools: { engine, clock }, web: await make("web"), other: await make("other") };
}

test("a container that ends wakes who waits for it, and no other one does", async () => {
  const { engine, tools, web, other } = await running();
  using listener = listenTo(tools, web);
  const woken: string[] = [];
  const pause = listener.pause(LONG, never).then(() => woken.push("web"));
  await sleep(5);
  await engine.stopContainer(other, 1, never);
  await sleep(5);
  expect(woken).toEqual([]);
  await engine.stopContainer(web, 1, never);
  await pause;
  expect(woken).toEqual(["web"]);
});

test("without an engine that tells, it is the time that ends a pause", async () => {
  const { tools, web } = await running();
  const refuse = (): never => {
    throw new Error("no");
  };
  const deaf = { ...tools.engine, events: refuse };
  using listener = listenTo({ ...tools, engine: deaf }, web);
  await listener.pause(1, never);
});

test("an abort ends a pause, and is told", async () => {
  const { tools, web } = await running();
  using listener = listenTo(tools, web);
  const stop = new AbortController();
  const pause = listener.pause(LONG, stop.signal);
  stop.abort(new Error("enough"));
  await expect(pause).rejects.toThrow("enough");
});

test("whoever was woken waits again, until the next time", async () => {
  const { engine, tools, web } = await running();
  using listener = listenTo(tools, web);
  const woken: number[] = [];
  const pause = async (): Promise<void> => {
    await listener.pause(LONG, never);
    woken.push(woken.length);
  };
  for (const before of [[], [0]]) {
    const next = pause();
    await sleep(5);
    expect(woken).toEqual(before);
    await engine.stopContainer(web, 1, never);
    await next;
    await engine.startContainer(web, never);
  }
  expect(woken).toEqual([0, 1]);
});

test("the engine is asked for nothing any more once nobody waits", async () => {
  const { tools, web } = await running();
  const asked: AbortSignal[] = [];
  const events: typeof tools.engine.events = (options, signal) => {
    asked.push(signal);
    return tools.engine.events(options, signal);
  };
  {
    using listener = listenTo({ ...tools, engine: { ...tools.engine, events } }, web);
    await listener.pause(1, never);
    await listener.pause(1, never);
    expect(asked.map(({ aborted }) => aborted)).toEqual([false]);
  }
  expect(asked.map(({ aborted }) => aborted)).toEqual([true]);
});

test.each(["serving", "running"] as const)(
  "who waits for %s is woken by the end of it",
  async (what) => {
    const { engine, tools, web } = await running();
    // No time passes: nothing but what the engine tells ends a pause.
    const still = (_: number, signal: AbortSignal): Promise<void> =>
      new Promise((_resolve, reject) => {
        signal.addEventListener("abort", () => {
          reject(signal.reason as Error);
        });
      });
    const clock = { ...tools.clock, elapsed: () => 0, sleep: still };
    const health = { engine: tools.engine, clock, scrub: (text: string) => text };
    const options = { oneShot: false, fresh: true };
    const waiting =
      what === "serving"
        ? waitServing(health, web, service("web").policy.health, options, never)
        : waitRunning(health, web, LONG, false, never);
    const ended = expect(waiting).rejects.toThrow("ended with 3");
    await sleep(5);
    engine.crash(web, 3);
    await ended;
  },
);
