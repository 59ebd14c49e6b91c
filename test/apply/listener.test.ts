import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { listenTo } from "../../src/apply/rollout/listener.ts";
import { createFakeEngine } from "../fakes/engine.ts";
import { never } from "./fixture.ts";

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
