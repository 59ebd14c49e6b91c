import { readFileSync } from "node:fs";
import { createServer } from "node:https";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { resolveConnection } from "../../src/docker/connection.ts";
import { createEngine } from "../../src/docker/engine.ts";
import { never } from "../contract/setting.ts";

/** A key pair for 127.0.0.1 that is its own authority; it protects nothing. */
const certificates = join(import.meta.dirname, "../fixtures/tls");
const read = (name: string): Buffer => readFileSync(join(certificates, name));

/** Like an engine on TCP: it lets nobody in who has no certificate of its authority. */
const server = createServer(
  {
    ...{ ca: read("ca.pem"), cert: read("cert.pem"), key: read("key.pem") },
    ...{ requestCert: true, rejectUnauthorized: true },
  },
  (request, response) => response.end(request.url === "/version" ? '{"ApiVersion":"1.41"}' : "[]"),
);
let host = "";

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  host = typeof address === "object" ? `tcp://127.0.0.1:${address?.port ?? 0}` : "";
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

async function ask(env: Record<string, string>): Promise<unknown> {
  const engine = createEngine(await resolveConnection({ ...env, DOCKER_HOST: host, HOME: "/x" }));
  try {
    return await engine.listNetworks(never);
  } finally {
    await engine.close();
  }
}

test("shows its certificate and checks the engine's", async () => {
  expect(await ask({ DOCKER_TLS_VERIFY: "1", DOCKER_CERT_PATH: certificates })).toEqual([]);
});

test("trusts an engine of another authority only when told not to look", async () => {
  await expect(ask({ DOCKER_TLS_VERIFY: "1", DOCKER_CERT_PATH: "/nowhere" })).rejects.toMatchObject(
    {
      code: "engine-unreachable",
      hint: expect.stringContaining("DOCKER_CERT_PATH") as string,
    },
  );
  expect(await ask({ DOCKER_TLS: "1", DOCKER_CERT_PATH: certificates })).toEqual([]);
});

test("does not get in without TLS", async () => {
  await expect(ask({})).rejects.toMatchObject({ code: "engine-unreachable" });
});
