import { createServer as createHttpServer, type Server as HttpServer } from "node:http";
import { createServer, type AddressInfo, type Server } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { ownBudgetMs, waitRunning, waitServing } from "../../src/apply/rollout/health.ts";
import { probeHttp, probeTcp } from "../../src/apply/rollout/probe.ts";
import type { HealthPolicy } from "../../src/model/desired.ts";
import type { Healthcheck } from "../../src/model/engine.ts";
import { createFakeEngine, type FakeImage } from "../fakes/engine.ts";
import { never } from "./fixture.ts";

const policy: HealthPolicy = {
  probe: undefined,
  timeoutMs: 30_000,
  retries: 3,
  intervalMs: 1000,
  startPeriodMs: undefined,
  settleMs: 5000,
};
const fresh = { oneShot: false, fresh: true };

async function started(image: FakeImage, healthcheck?: Healthcheck) {
  let now = 0;
  const engine = createFakeEngine({ now: () => now });
  engine.addImage("app", image);
  const body = {
    Image: "app",
    Env: [],
    Labels: {},
    HostConfig: { RestartPolicy: { Name: "no" } as const },
    NetworkingConfig: { EndpointsConfig: {} },
    ...(healthcheck === undefined ? {} : { Healthcheck: healthcheck }),
  };
  const id = await engine.createContainer("web", body, {}, never);
  await engine.startContainer(id, never);
  const clock = {
    now: () => now,
    elapsed: () => now,
    sleep: async (ms: number, signal: AbortSignal) => {
      signal.throwIfAborted();
      now += ms;
      return Promise.resolve();
    },
  };
  const tools = { engine, clock, scrub: (text: string) => text.replace("hunter2", "[secret]") };
  return { id, engine, tools, elapsed: () => now };
}

describe("waitServing", () => {
  test("without any check: it runs for the settle time, and served from the start", async () => {
    const { id, tools, elapsed } = await started({});
    expect(await waitServing(tools, id, policy, fresh, never)).toMatchObject({
      since: 0,
      completed: false,
    });
    expect(elapsed()).toBe(5000);
  });

  test("its own healthcheck decides", async () => {
    const healthcheck = { Test: ["CMD", "true"], Interval: 1e9 };
    const { id, tools, elapsed } = await started({ healthyAfter: 10 }, healthcheck);
    const { since } = await waitServing(tools, id, policy, fresh, never);
    expect(since).toBe(2000);
    expect(elapsed()).toBe(2000);
  });

  test("the time is up while its own healthcheck is still starting: what it wrote last is told", async () => {
    const healthcheck = { Test: ["CMD", "check"], Interval: 1e9 };
    const { id, engine, tools } = await started({ healthyAfter: 1e6 }, healthcheck);
    const inspectContainer: typeof engine.inspectContainer = async (...all) => {
      const found = await engine.inspectContainer(...all);
      return found && { ...found, healthLog: "no login for hunter2\n" };
    };
    const talking = { ...tools, engine: { ...engine, inspectContainer } };
    await expect(waitServing(talking, id, policy, fresh, never)).rejects.toMatchObject({
      message: "container web did not become healthy: no login for [secret]",
      hint: expect.stringContaining("`health.timeout` of x-dso") as string,
    });
  });

  test("a slow healthcheck is run by us, and its values keep out of the error", async () => {
    const asked: (readonly string[])[] = [];
    let code = 1;
    const image: FakeImage = {
      healthyAfter: 1e6,
      exec: ({ argv }) => {
        asked.push(argv);
        return { code, stderr: "no login for hunter2" };
      },
    };
    const healthcheck = { Test: ["CMD-SHELL", "pg_isready"], Interval: 30e9 };
    const { id, tools } = await started(image, healthcheck);
    await expect(waitServing(tools, id, policy, fresh, never)).rejects.toMatchObject({
      code: "container-unhealthy",
      message: expect.stringContaining("ended with 1: no login for [secret]") as string,
    });
    expect(asked[0]).toEqual(["/bin/sh", "-c", "pg_isready"]);
    code = 0;
    expect(await waitServing(tools, id, policy, fresh, never)).toMatchObject({ completed: false });
  });

  test("a configured probe is asked where the container has no healthcheck", async () => {
    const failing = { code: 1 };
    const { id, tools, elapsed } = await started({
      exec: () => (elapsed() < 3000 ? failing : { code: 0 }),
    });
    const probe = { kind: "exec", argv: ["check"] } as const;
    const { since } = await waitServing(tools, id, { ...policy, probe }, fresh, never);
    expect(since).toBe(3000);
  });

  test("what the engine says of an end is scrubbed", async () => {
    const { id, engine, tools } = await started({});
    const inspectContainer: typeof engine.inspectContainer = async (...all) => {
      const found = await engine.inspectContainer(...all);
      return found && { ...found, state: "exited", exitCode: 2, error: "OCI: hunter2" };
    };
    const dying = { ...tools, engine: { ...engine, inspectContainer } };
    await expect(waitServing(dying, id, policy, fresh, never)).rejects.toMatchObject({
      message: "container web ended with 2 (OCI: [secret])",
    });
  });

  test("a check that prints nothing leaves nothing to tell", async () => {
    const { id, engine, tools } = await started({}, { Test: ["CMD", "false"], Interval: 1e9 });
    engine.setHealth("web", "unhealthy");
    await expect(waitServing(tools, id, policy, fresh, never)).rejects.toMatchObject({
      code: "container-unhealthy",
      message: "container web did not become healthy",
    });
  });

  test("retries count once per interval, and only after the start period", async () => {
    const { id, tools, elapsed } = await started({ exec: () => ({ code: 1 }) });
    const probe = { kind: "exec", argv: ["check"] } as const;
    const strict = { ...policy, probe, startPeriodMs: 4000 };
    await expect(waitServing(tools, id, strict, fresh, never)).rejects.toMatchObject({
      code: "container-unhealthy",
      hint: expect.stringContaining("`health.retries` of x-dso") as string,
    });
    expect(elapsed()).toBe(6000);
  });

  test("by default the whole timeout is the start period", async () => {
    const { id, tools, elapsed } = await started({ exec: () => ({ code: 1 }) });
    const probe = { kind: "exec", argv: ["check"] } as const;
    const waiting = waitServing(tools, id, { ...policy, probe }, fresh, never);
    await expect(waiting).rejects.toMatchObject({ code: "container-unhealthy" });
    expect(elapsed()).toBe(30_000);
  });

  test("an exit ends it at once, whatever the code, unless it is a one-shot's 0", async () => {
    for (const code of [0, 1]) {
      const { id, tools, elapsed } = await started({ exits: { code, afterLooks: 2 } });
      await expect(waitServing(tools, id, policy, fresh, never)).rejects.toMatchObject({
        code: "container-exited",
        message: expect.stringContaining(`ended with ${code}`) as string,
      });
      expect(elapsed()).toBeLessThan(1000);
    }
    const { id, tools } = await started({ exits: { code: 0, afterLooks: 2 } });
    const oneShot = { oneShot: true, fresh: true };
    expect(await waitServing(tools, id, policy, oneShot, never)).toMatchObject({ completed: true });
  });

  test("a container that somebody removes ends it", async () => {
    const { id, engine, tools } = await started({});
    await engine.removeContainer(id, { force: true, volumes: false }, never);
    await expect(waitServing(tools, id, policy, fresh, never)).rejects.toMatchObject({
      code: "container-removed",
      message: expect.stringContaining("removed") as string,
    });
  });

  test("an abort ends every wait", async () => {
    const { id, tools } = await started({});
    const stop = AbortSignal.abort(new Error("enough"));
    await expect(waitServing(tools, id, policy, fresh, stop)).rejects.toThrow();
    await expect(waitRunning(tools, id, 1000, false, stop)).rejects.toThrow();
  });
});

test.each([
  [undefined, undefined],
  [{ Test: ["NONE"] }, undefined],
  [{ Test: ["CMD", "x"] }, 240_000],
  [{ Test: ["CMD", "x"], Interval: 1e9, Timeout: 1e9, Retries: 2, StartPeriod: 5e9 }, 11_000],
])("the healthcheck %j may take %s ms", (check, expected) => {
  expect(ownBudgetMs(check)).toBe(expected);
});

describe("network probes", () => {
  const servers: (Server | HttpServer)[] = [];
  const listen = async (server: Server | HttpServer): Promise<number> => {
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return (server.address() as AddressInfo).port;
  };

  afterEach(async () => {
    for (const server of servers.splice(0)) {
      await new Promise((resolve) => server.close(resolve));
    }
  });

  test("tcp: somebody accepts, or nobody does", async () => {
    const port = await listen(createServer((socket) => socket.destroy()));
    expect(await probeTcp("127.0.0.1", port, never)).toBeUndefined();
    await new Promise((resolve) => servers.pop()?.close(resolve));
    expect(await probeTcp("127.0.0.1", port, never)).toContain("ECONNREFUSED");
  });

  test.each([
    [200, undefined, true],
    [302, undefined, true],
    [404, undefined, false],
    [503, 503, true],
    [200, 204, false],
  ])("http: %i where %s is wanted", async (answer, status, good) => {
    const port = await listen(
      createHttpServer(({ url }, response) => {
        response.writeHead(url === "/health?x=1" ? answer : 500).end("body");
      }),
    );
    const probe = { kind: "http", port, path: "/health?x=1", status } as const;
    const failure = await probeHttp("127.0.0.1", probe, 4907.5, never);
    expect(failure === undefined).toBe(good);
  });

  test("http: a server that ends the connection is no answer", async () => {
    const port = await listen(createServer((socket) => socket.destroy()));
    const probe = { kind: "http", port, path: "/", status: undefined } as const;
    expect(await probeHttp("127.0.0.1", probe, 4907.5, never)).toContain(String(port));
    const aborted = AbortSignal.abort(new Error("enough"));
    await expect(probeHttp("127.0.0.1", probe, 5000, aborted)).rejects.toThrow("enough");
  });
});
