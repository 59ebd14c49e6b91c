import { createServer } from "node:net";
import { describe, expect, test } from "vitest";
import { DsoError } from "../../src/model/errors.ts";
import { parseReference } from "../../src/model/parseReference.ts";
import { createWeb, createWorld, desiredOf, network, never, planOf } from "./fixture.ts";
import { known, service, withFile } from "./fixture.ts";

describe("before anything is changed", () => {
  const bad = async (world: ReturnType<typeof createWorld>, run: Promise<unknown>) => {
    const error: unknown = await run.catch((thrown: unknown) => thrown);
    expect(world.engine.changes()).toEqual([]);
    expect(world.rotations.size).toBe(0);
    if (!(error instanceof DsoError)) throw new Error("nothing was refused", { cause: error });
    return error;
  };

  test("a secret that cannot be read fails the apply", async () => {
    const world = createWorld();
    const web = service("web", {}, withFile("dsofile://db#password"));
    const readValues = () => Promise.reject(new DsoError("secret-denied", "local:db is denied"));
    const run = world.run(desiredOf(web), planOf([network, createWeb]), { readValues });
    expect(await bad(world, run)).toMatchObject({ code: "secret-denied" });
  });

  test("a source of a secret on this host that is not there fails it", async () => {
    const world = createWorld();
    const file = withFile("dsofile://db#password").files![0]!;
    const web = service(
      "web",
      {},
      {
        files: [
          { ...file, content: { kind: "host-variable", variable: "TOKEN" } },
          { ...file, target: "/run/secrets/b", content: { kind: "host-file", path: "/no/such" } },
        ],
      },
    );
    const error = await bad(world, world.run(desiredOf(web), planOf([network, createWeb])));
    expect(error.message).toContain("$TOKEN of /run/secrets/password");
    expect(error.others.map(({ message }) => message).join()).toContain("/no/such");
  });

  test("a full memory directory fails it", async () => {
    const world = createWorld();
    const web = service("web", {}, withFile("dsofile://db#password"));
    const { delivery } = await world.context(desiredOf(web));
    const full = {
      ...delivery,
      ensureRoom: (bytes: number) => Promise.reject(new DsoError("memory-full", `${bytes} bytes`)),
    };
    const plan = planOf([network, createWeb]);
    const error = await bad(world, world.run(desiredOf(web), plan, { delivery: full }));
    expect(error).toMatchObject({ code: "memory-full", message: "4096 bytes" });
    expect(() => world.handedOut[0]!.reveal()).toThrow();
  });

  test("a value that no variable can hold fails it, with its place in the file", async () => {
    const world = createWorld();
    world.secrets.set("local:db#password", "a\0b");
    const place = { kind: "environment", name: "PASSWORD" } as const;
    const template = [parseReference("dso://db#password", known)];
    const position = { file: "compose.yaml", line: 9, column: 3 };
    const bindings = [{ place, template, grade: "exposed", position } as const];
    const run = world.run(
      desiredOf(service("web", {}, { bindings })),
      planOf([network, createWeb]),
    );
    expect(await bad(world, run)).toMatchObject({ code: "policy-refused", position });
  });

  test("a name that another's container has fails it, naming whose it is", async () => {
    const world = createWorld();
    await world.engine.createContainer("shop-web-1", plainBody(), {}, never);
    world.engine.calls.length = 0;
    const error = await bad(
      world,
      world.run(desiredOf(service("web")), planOf([network, createWeb])),
    );
    expect(error).toMatchObject({ code: "engine-conflict" });
    expect(error.message).toMatch(/shop-web-1, which another container has .*not made by Compose/);
  });

  test("a name that a renamed container is to have again, and another's has, fails it", async () => {
    const world = createWorld();
    const containerId = await world.engine.createContainer("mine", plainBody(), {}, never);
    await world.engine.createContainer("shop-web-1", plainBody(), {}, never);
    world.engine.calls.length = 0;
    const rename = { address: "container.web[1]", why: "", containerId, name: "shop-web-1" };
    const plan = planOf([{ ...rename, kind: "rename-container" }]);
    const error = await bad(world, world.run(desiredOf(service("web")), plan));
    expect(error.message).toMatch(
      /^service web needs the container name shop-web-1, which another/,
    );
  });

  test("a host port that another container has fails it, with its place in the file", async () => {
    const world = createWorld();
    const other = await world.engine.createContainer(
      "blog-web-1",
      {
        ...plainBody(),
        ExposedPorts: { "80/tcp": {} },
        HostConfig: { PortBindings: { "80/tcp": [{ HostPort: "18080" }] } },
      },
      {},
      never,
    );
    await world.engine.startContainer(other, never);
    world.engine.calls.length = 0;
    const web = service("web", { ports: [{ target: 8080, published: "18080" }] });
    const error = await bad(world, world.run(desiredOf(web), planOf([network, createWeb])));
    expect(error).toMatchObject({ code: "port-taken", position: { line: 4 } });
    expect(error.message).toContain("18080/tcp, which container blog-web-1 has");
  });

  test("a host port that another program has fails it", async () => {
    const world = createWorld();
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    const web = service("web", { ports: [{ target: 8080, published: String(port) }] });
    const error = await bad(world, world.run(desiredOf(web), planOf([network, createWeb])));
    expect(error).toMatchObject({ code: "port-taken" });
    expect(error.message).toContain("another program");
    await new Promise((resolve) => server.close(resolve));
    const outcome = await world.run(desiredOf(web), planOf([network, createWeb]));
    expect(outcome.failed).toEqual([]);
  });

  test("files for an engine of another host are refused by its name", async () => {
    const world = createWorld({ info: { local: false, endpoint: "ssh://ops@far" } });
    const web = service("web", {}, withFile("dsofile://db#password"));
    const context = await world.context(desiredOf(web));
    const observed = {
      ...context.observed,
      engine: { ...context.observed.engine, local: false },
    };
    const plan = planOf([network, createWeb]);
    const error = await bad(world, world.run(desiredOf(web), plan, { observed }));
    expect(error).toMatchObject({ code: "engine-remote" });
    expect(error.message).toContain("ssh://ops@far");
  });
});

function plainBody() {
  return {
    Image: "app:1",
    Env: [],
    Labels: {},
    HostConfig: {},
    NetworkingConfig: { EndpointsConfig: {} },
  };
}
