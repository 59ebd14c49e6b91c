import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { childEnvironment, resolveConnection } from "../../src/docker/connection.ts";
import { readConfig } from "../../src/docker/dockerConfig.ts";

let home = "";
let config = "";

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "dso-connection-"));
  config = join(home, ".docker");
});
afterEach(() => rm(home, { recursive: true }));

async function writeContext(
  name: string,
  host: string,
  tls: readonly string[] = [],
): Promise<string> {
  const id = createHash("sha256").update(name).digest("hex");
  const meta = join(config, "contexts", "meta", id);
  const certificates = join(config, "contexts", "tls", id, "docker");
  await mkdir(meta, { recursive: true });
  await mkdir(certificates, { recursive: true });
  const text = JSON.stringify({ Name: name, Endpoints: { docker: { Host: host } } });
  await writeFile(join(meta, "meta.json"), text);
  for (const file of tls) await writeFile(join(certificates, file), "x");
  return certificates;
}

const resolve = (env: Record<string, string> = {}) => resolveConnection({ HOME: home, ...env });

describe("where the engine is", () => {
  test("is refused where a pipe stands for Docker's configuration: nobody may ever write to it", async () => {
    await mkdir(config);
    execFileSync("mkfifo", [join(config, "config.json")]);
    await expect(resolve()).rejects.toMatchObject({ code: "engine-unreachable" });
    await expect(readConfig(config)).rejects.toMatchObject({ code: "config-invalid" });
  });

  test("is the default socket when nobody says otherwise", async () => {
    expect(await resolve()).toMatchObject({
      endpoint: "unix:///var/run/docker.sock",
      route: { kind: "unix", path: "/var/run/docker.sock" },
      loopback: true,
      configDir: config,
    });
  });

  test.each([
    ["unix:///run/x.sock", { kind: "unix", path: "/run/x.sock" }, true],
    ["tcp://127.0.0.1:4000", { kind: "tcp", host: "127.0.0.1", port: 4000, tls: undefined }, true],
    ["tcp://build.example", { kind: "tcp", host: "build.example", port: 2375 }, false],
    ["10.0.0.7:2375", { kind: "tcp", host: "10.0.0.7", port: 2375 }, false],
    ["tcp://[::1]:2375", { kind: "tcp", host: "::1", port: 2375 }, true],
    [
      "https://e.example/p",
      { kind: "tcp", port: 2376, prefix: "/p", tls: { verify: true } },
      false,
    ],
    ["ssh://me@host:22", { kind: "ssh", host: "host", user: "me", port: "22" }, false],
    ["ssh://host/run/d.sock", { kind: "ssh", user: undefined, socket: "/run/d.sock" }, false],
  ])("reads DOCKER_HOST=%s", async (host, route, loopback) => {
    const connection = await resolve({ DOCKER_HOST: host });
    expect(connection.route).toMatchObject(route);
    expect(connection.loopback).toBe(loopback);
  });

  test.each(["ftp://x", "npipe:////./pipe/docker", "::"])(
    "refuses DOCKER_HOST=%s",
    async (host) => {
      await expect(resolve({ DOCKER_HOST: host })).rejects.toMatchObject({
        code: "usage",
        message: expect.stringContaining(host) as string,
      });
    },
  );

  test("takes the certificates that the environment names", async () => {
    const env = { DOCKER_HOST: "tcp://h:1", DOCKER_TLS_VERIFY: "1", DOCKER_CERT_PATH: "/certs" };
    const connection = await resolve(env);
    expect(connection.route).toMatchObject({ tls: { directory: "/certs", verify: true } });
    expect(childEnvironment(connection)).toEqual(env);
  });

  test("follows the current context with its certificates, and DOCKER_CONTEXT before it", async () => {
    const directory = await writeContext("prod", "tcp://prod:2376", [
      "ca.pem",
      "cert.pem",
      "key.pem",
    ]);
    await writeContext("stage", "ssh://stage");
    await writeFile(join(config, "config.json"), JSON.stringify({ currentContext: "prod" }));
    expect((await resolve()).route).toMatchObject({
      kind: "tcp",
      host: "prod",
      tls: { directory, verify: true },
    });
    expect((await resolve({ DOCKER_CONTEXT: "stage" })).endpoint).toBe("ssh://stage");
    expect((await resolve({ DOCKER_CONTEXT: "default" })).endpoint).toMatch(/^unix:/);
    expect((await resolve({ DOCKER_HOST: "tcp://h:1" })).endpoint).toBe("tcp://h:1");
  });

  test("names a context that does not exist", async () => {
    await expect(resolve({ DOCKER_CONTEXT: "gone" })).rejects.toMatchObject({
      code: "engine-unreachable",
      message: 'Docker context "gone" does not exist',
    });
  });

  test("names a configuration that is no JSON", async () => {
    await mkdir(config);
    await writeFile(join(config, "config.json"), "{");
    await expect(resolve()).rejects.toMatchObject({
      code: "config-invalid",
      message: expect.stringContaining("config.json") as string,
    });
  });

  test("passes on to programs only what they need", async () => {
    const { env } = await resolve({ PATH: "/bin", VAULT_TOKEN: "s3cret" });
    expect(env).toEqual({ PATH: "/bin", HOME: home });
  });
});
