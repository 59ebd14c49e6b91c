import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import { createClient } from "../../src/docker/client.ts";
import { createEngine } from "../../src/docker/engine.ts";
import { never } from "../contract/setting.ts";
import { httpEngine } from "../fixtures/httpEngine.ts";
import { temporaryDirectory } from "../fixtures/temporary.ts";

const call = { doing: "ask" };

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

describe("the client", () => {
  test("asks for the version once, and uses it in every path", async () => {
    await using server = await httpEngine((_, response) => response.end("{}"));
    const client = createClient(server.connection);
    await Promise.all([
      client.json("GET", "/a", call, never),
      client.json("GET", "/b", call, never),
    ]);
    expect(server.requests.sort()).toEqual(["GET /_ping", "GET /v1.41/a", "GET /v1.41/b"]);
    client.close();
  });

  test.each([
    ["has no version in its ping", undefined, "1.41", "1.24", "1.41"],
    ["is newer than what is known", "1.99", "1.99", "1.44", "1.51"],
    ["no longer takes what is known", "1.99", "1.99", "1.60", "1.60"],
  ])("asks an engine more that %s", async (_, offered, ApiVersion, MinAPIVersion, used) => {
    await using server = await httpEngine(({ url }, response) => {
      if (url === "/_ping" && offered !== undefined) response.setHeader("Api-Version", offered);
      response.end(JSON.stringify({ ApiVersion, MinAPIVersion }));
    }, "answers its ping itself");
    const client = createClient(server.connection);
    await client.json("GET", "/a", call, never);
    expect(server.requests).toEqual(["GET /_ping", "GET /version", `GET /v${used}/a`]);
    client.close();
  });

  test("keeps one connection for one call after the other, and none once closed", async () => {
    await using server = await httpEngine((_, response) => response.end("{}"));
    const client = createClient(server.connection);
    for (const path of ["/a", "/b", "/c"]) await client.json("GET", path, call, never);
    expect(server.open()).toBe(1);
    client.close();
    await expect.poll(() => server.open()).toBe(0);
  });

  test("asks again when the engine has closed the idle connection", async () => {
    let answered = 0;
    await using server = await httpEngine((request, response) => {
      answered += 1;
      // The second one finds a connection that dies without an answer.
      if (answered === 2) request.socket.destroy();
      else response.end(`{"n":${answered}}`);
    });
    const client = createClient(server.connection);
    await client.json("GET", "/a", call, never);
    expect(await client.json("GET", "/b", call, never)).toEqual({ n: 3 });
    client.close();
  });

  test("asks for a restart policy again while the engine has not noticed that a program ended", async () => {
    let asked = 0;
    await using server = await httpEngine((_, response) => {
      asked += 1;
      response.statusCode = asked === 1 ? 500 : 200;
      const id = "cc2440543b7d";
      const message = `Cannot update container ${id}: cannot update a stopped container: unknown`;
      response.end(JSON.stringify(asked === 1 ? { message } : {}));
    });
    const engine = createEngine(server.connection);
    await engine.updateRestartPolicy("cc2440543b7d", { Name: "no" }, never);
    expect(asked).toBe(2);
    await engine.close();
  });

  test("never sends a change twice", async () => {
    await using server = await httpEngine((request, response) => {
      if (request.method === "POST") request.socket.destroy();
      else response.end("{}");
    });
    const client = createClient(server.connection);
    await client.json("GET", "/a", call, never);
    await expect(client.json("POST", "/b", call, never)).rejects.toMatchObject({
      code: "engine-unreachable",
    });
    expect(server.requests.filter((request) => request.startsWith("POST"))).toHaveLength(1);
    client.close();
  });

  test("gives up at the deadline, and says on what", async () => {
    await using server = await httpEngine(() => undefined);
    const client = createClient(server.connection);
    const late = client.json("GET", "/a", { doing: "ask in vain", deadline: 50 }, never);
    await expect(late).rejects.toMatchObject({
      code: "engine-unreachable",
      message: expect.stringContaining("ask in vain") as string,
    });
    client.close();
  });

  test("rejects with the signal's own reason, in the middle of a request too", async () => {
    const stop = new AbortController();
    const reason = new Error("enough");
    await using server = await httpEngine(() => {
      stop.abort(reason);
    });
    const client = createClient(server.connection);
    await expect(client.json("GET", "/a", call, stop.signal)).rejects.toBe(reason);
    client.close();
  });

  test("rejects with the signal's own reason in the middle of an answer", async () => {
    const stop = new AbortController();
    const reason = new Error("enough");
    await using server = await httpEngine(({ url }, response) => {
      if (url?.endsWith("/refused") === true) response.statusCode = 500;
      response.write('{"half":');
    });
    const client = createClient(server.connection);
    const asked = ["/a", "/refused"].map((path) => client.json("GET", path, call, stop.signal));
    const body = await client.stream("GET", "/b", call, stop.signal);
    setTimeout(() => stop.abort(reason), 50);
    for (const answer of [...asked, all(body)]) await expect(answer).rejects.toBe(reason);
    client.close();
  });

  test.each(["/a", "/refused"])("tells of an answer that breaks off: %s", async (path) => {
    await using server = await httpEngine(({ url }, response) => {
      if (url?.endsWith("/refused") === true) response.statusCode = 500;
      response.write('{"half":', () => response.destroy());
    });
    const client = createClient(server.connection);
    await expect(client.json("GET", path, call, never)).rejects.toMatchObject({
      code: "engine-unreachable",
      message: expect.stringContaining("broke off") as string,
    });
    client.close();
  });

  test.each(['{"Env": ["TOKEN=hunter22"', "null", "<html>hunter22"])(
    "quotes nothing of an answer that is none: %s",
    async (answer) => {
      await using server = await httpEngine((_, response) => response.end(answer));
      const client = createClient(server.connection);
      const asked = client.json("GET", "/a", call, never);
      const error: unknown = await asked.catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: "engine-unreachable" });
      expect(inspect(error)).not.toContain("hunter22");
      client.close();
    },
  );

  test("tells a refusal that is no JSON, without its control characters", async () => {
    await using server = await httpEngine((_, response) => {
      response.statusCode = 502;
      response.end("bad\u0007 gateway\n");
    });
    const client = createClient(server.connection);
    await expect(client.json("GET", "/a", call, never)).rejects.toMatchObject({
      code: "engine-refused",
      message: "ask: the engine refused: bad gateway",
    });
    client.close();
  });
});

test("an engine that is not there is unreachable, and may be there the next time", async () => {
  await using directory = await temporaryDirectory();
  const path = join(directory.path, "none.sock");
  const engine = createEngine({
    ...{ endpoint: `unix://${path}`, route: { kind: "unix", path }, loopback: true },
    ...{ configDir: directory.path, apiVersion: undefined, env: {}, helperEnv: {} },
  });
  for (let attempt = 0; attempt < 2; attempt += 1) {
    await expect(engine.listNetworks(never)).rejects.toMatchObject({
      code: "engine-unreachable",
      message: expect.stringContaining(path) as string,
      hint: expect.stringContaining("start the engine") as string,
    });
  }
  await engine.close();
});

describe("a pull", () => {
  const pull = async (status: number, body: string): Promise<string[]> => {
    await using server = await httpEngine((_, response) => {
      response.statusCode = status;
      response.end(body);
    });
    const engine = createEngine(server.connection);
    const told: string[] = [];
    await engine.pullImage("r.example/a/b", {}, (line) => told.push(line), never);
    expect(server.requests).toContain(
      "POST /v1.41/images/create?fromImage=r.example%2Fa%2Fb&tag=latest",
    );
    return told;
  };

  test("tells its steps, not its bars", async () => {
    const steps = [
      { status: "Pulling from a/b", id: "latest" },
      { status: "Downloading", id: "1", progressDetail: { current: 1, total: 2 } },
      { status: "Pull complete", id: "1", progressDetail: {} },
    ];
    expect(await pull(200, steps.map((step) => JSON.stringify(step)).join("\r\n"))).toEqual([
      "latest: Pulling from a/b",
      "1: Pull complete",
    ]);
  });

  test.each([
    [404, '{"message":"manifest for x not found: manifest unknown"}', "image-missing"],
    [200, '{"error":"no matching manifest for linux/arm64 in the manifest list"}', "image-missing"],
    [
      404,
      '{"message":"pull access denied for x, repository does not exist or may require login"}',
      "image-missing",
    ],
    [500, '{"message":"Get https://r/v2/: dial tcp: lookup r: no such host"}', "engine-refused"],
    [500, '{"message":"unauthorized: authentication required"}', "engine-refused"],
    [200, '{"error":"write /x: no space left on device"}', "disk-full"],
  ])("that fails with %i %s is %s", async (status, body, code) => {
    await expect(pull(status, body)).rejects.toMatchObject({ code });
  });

  test("brings the login that `docker login` left", async () => {
    let header: string | string[] | undefined;
    await using server = await httpEngine((request, response) => {
      header = request.headers["x-registry-auth"];
      response.end();
    });
    const auth = Buffer.from("me:pa:ss").toString("base64");
    const config = JSON.stringify({ auths: { "r.example": { auth } } });
    await writeFile(join(server.connection.configDir, "config.json"), config);
    const engine = createEngine(server.connection);
    await engine.pullImage("r.example/a:1", {}, () => undefined, never);
    expect(JSON.parse(Buffer.from(String(header), "base64url").toString())).toEqual({
      username: "me",
      password: "pa:ss",
      serveraddress: "r.example",
    });
    await engine.pullImage("elsewhere.example/a:1", {}, () => undefined, never);
    expect(header).toBeUndefined();
  });
});

test("an event keeps its nanoseconds", async () => {
  await using server = await httpEngine((_, response) => {
    const Actor = { ID: "1", Attributes: { name: 'a","timeNano":5' } };
    const text = JSON.stringify({ Type: "container", Action: "start", Actor });
    response.end(`${text.slice(0, -1)},"time":1,"timeNano":1795486999801015894}\n`);
  });
  const engine = createEngine(server.connection);
  const since = "1795486999801015893";
  const [event] = await all(engine.events({ since }, never));
  expect(event?.timeNano).toBe("1795486999801015894");
  expect(server.requests.at(-1)).toContain("since=1795486999.801015893");
});

test("an event stream ends with its connection", async () => {
  await using server = await httpEngine((_, response) => {
    response.write(`{"Type":"container","Action":"die","Actor":{"ID":"1"},"timeNano":1}\n`);
    setImmediate(() => response.socket?.destroy());
  });
  const events = await all(createEngine(server.connection).events({}, never));
  expect(events.map((event) => event.action)).toEqual(["die"]);
});
