import { chmod, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import { registryAuth } from "../../src/docker/auth.ts";
import { resolveConnection } from "../../src/docker/connection.ts";
import { never } from "../contract/setting.ts";
import { temporaryDirectory } from "../fixtures/temporary.ts";

const ANN = Buffer.from("ann:p:w").toString("base64");
const PASSWORD = { username: "ann", password: "p:w" };
const HUB = "https://index.docker.io/v1/";

/** What the engine is told for the image, with this as Docker's config.json; `helper` is a shell script. */
async function ask(
  config: unknown,
  image: string,
  {
    env = {},
    helper,
    signal = never,
  }: { env?: object; helper?: string; signal?: AbortSignal } = {},
): Promise<unknown> {
  await using directory = await temporaryDirectory();
  const { path } = directory;
  const text = typeof config === "string" ? config : JSON.stringify(config);
  if (config !== undefined) await writeFile(join(path, "config.json"), text);
  await mkdir(join(path, "bin"));
  if (helper !== undefined) {
    await writeFile(join(path, "bin/docker-credential-it"), `#!/bin/sh\n${helper}\n`);
    await chmod(join(path, "bin/docker-credential-it"), 0o755);
  }
  const PATH = `${path}/bin:/usr/bin:/bin`;
  const connection = await resolveConnection({ PATH, DOCKER_CONFIG: path, ...env });
  const header = await registryAuth(connection, image, signal);
  if (header === undefined) return undefined;
  expect(header).toMatch(/^[A-Za-z0-9_-]+={0,2}$/);
  expect(header.length % 4).toBe(0);
  return JSON.parse(Buffer.from(header, "base64url").toString());
}

/** Its message; nothing of the error, with all that hangs on it, holds `secret`. */
async function refused(asking: Promise<unknown>, code: string, secret: string): Promise<string> {
  const error: unknown = await asking.catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code });
  expect(inspect(error, { depth: null, showHidden: true })).not.toContain(secret);
  return (error as Error).message;
}

describe("a stored login", () => {
  test.each([
    "r.io",
    "https://r.io",
    "http://r.io/",
    "https://r.io/v1/",
    "https://r.io/v2/",
    "r.io/v2",
  ])("is found under %s", async (key) => {
    const config = { auths: { "other.io": { auth: "eDp5" }, [key]: { auth: ANN } } };
    expect(await ask(config, "r.io/a/b:1")).toEqual({ ...PASSWORD, serveraddress: "r.io" });
  });

  test.each([HUB, "docker.io", "index.docker.io", "https://registry-1.docker.io/v2/"])(
    "of Docker Hub is found under %s",
    async (key) => {
      const config = { auths: { [key]: { auth: ANN } } };
      for (const image of ["redis", "a/b:1", "docker.io/a/b", "index.docker.io/a/b"]) {
        expect(await ask(config, image)).toEqual({ ...PASSWORD, serveraddress: HUB });
      }
    },
  );

  test("is of the very host: a port, or a part of a name, makes another one", async () => {
    const config = { auths: { "r.io:5000": { auth: ANN }, "x.r.io": { auth: ANN } } };
    expect(await ask(config, "r.io/a")).toBeUndefined();
    expect(await ask(config, "r.io:5000/a")).toMatchObject({ serveraddress: "r.io:5000" });
    expect(await ask(undefined, "r.io/a")).toBeUndefined();
  });

  test.each([
    [{ identitytoken: "t1", auth: ANN }, { identitytoken: "t1" }],
    [{ registrytoken: "t2" }, { registrytoken: "t2" }],
    [{ username: "ann", password: "p:w" }, PASSWORD],
    [{ auth: Buffer.from("ann:p:w\0\0").toString("base64") }, PASSWORD],
  ])("may be %j", async (entry, login) => {
    const found = await ask({ auths: { "r.io": entry } }, "r.io/a");
    expect(found).toEqual({ ...login, serveraddress: "r.io" });
  });

  test("that cannot be read is named, and never repeated", async () => {
    for (const auth of ["c2VjcmV0", "s3cret!!", Buffer.from(":s3cret").toString("base64")]) {
      await refused(ask({ auths: { "r.io": { auth } } }, "r.io/a"), "config-invalid", auth);
    }
    await refused(ask('{"auths": s3cret', "r.io/a"), "config-invalid", "s3cret");
  });

  test("of the environment goes before, and what it has not is looked for in the file", async () => {
    const logins = { auths: { "r.io": { auth: Buffer.from("env:e").toString("base64") } } };
    const env = { DOCKER_AUTH_CONFIG: JSON.stringify(logins) };
    const config = { auths: { "r.io": { auth: ANN }, "s.io": { auth: ANN } } };
    expect(await ask(config, "r.io/a", { env })).toMatchObject({ username: "env" });
    expect(await ask(config, "s.io/a", { env })).toMatchObject({ username: "ann" });
  });
});

describe("a credential helper", () => {
  const answer = (user: string, secret: string): string =>
    `read -r asked; printf '{"ServerURL":"%s","Username":"${user}","Secret":"${secret}"}' "$asked"`;

  test("is asked for the registry that names it, else for all; an empty name switches it off", async () => {
    const helper = answer("ann", "p:w");
    expect(await ask({ credsStore: "it" }, "r.io/a", { helper })).toMatchObject(PASSWORD);
    expect(await ask({ credsStore: "it" }, "redis", { helper })).toMatchObject(PASSWORD);
    const one = { credsStore: "missing", credHelpers: { "r.io": "it" } };
    expect(await ask(one, "r.io/a", { helper })).toMatchObject(PASSWORD);
    const off = { credsStore: "it", credHelpers: { "r.io": "" }, auths: { "r.io": { auth: ANN } } };
    expect(await ask(off, "r.io/a", { helper: "exit 9" })).toMatchObject(PASSWORD);
  });

  test("may give a token, and may have none", async () => {
    const config = { credsStore: "it" };
    expect(await ask(config, "r.io/a", { helper: answer("<token>", "t") })).toEqual({
      identitytoken: "t",
      serveraddress: "r.io",
    });
    const none = "echo 'credentials not found in native keychain'; exit 1";
    expect(await ask(config, "r.io/a", { helper: none })).toBeUndefined();
    expect(await ask(config, "r.io/a", { helper: answer("", "") })).toBeUndefined();
  });

  test("has answered once it ends, whatever it leaves running", async () => {
    const helper = `setsid sleep 60 & ${answer("ann", "p:w")}`;
    expect(await ask({ credsStore: "it" }, "r.io/a", { helper })).toMatchObject(PASSWORD);
  });

  test.each([
    ["echo s3cret", "did not answer with a login"],
    ["echo '[]'", "did not answer with a login"],
    [`echo '{"Username":"s3cret"}'`, "did not answer with a login"],
    ["echo s3cret; echo s3cret >&2; exit 3", "ended with 3"],
    ["head -c 1000000 /dev/zero; sleep 1000", "ended with -1"],
  ])("that does %j fails by name, and its words are not repeated", async (helper, what) => {
    const words = await refused(
      ask({ credsStore: "it" }, "r.io/a", { helper }),
      "engine-refused",
      "s3cret",
    );
    expect(words).toBe(`no login for r.io: docker-credential-it ${what}`);
  });

  test("that is missing, or is a path, is not run", async () => {
    await expect(ask({ credsStore: "it" }, "r.io/a")).rejects.toThrow("is not installed");
    await expect(ask({ credsStore: "../it" }, "r.io/a")).rejects.toThrow("no name of a helper");
  });

  test("that hangs goes with all that it has started", async () => {
    const stop = new AbortController();
    const helper = "sleep 1000 & echo $! >&1; wait";
    const asking = ask({ credsStore: "it" }, "r.io/a", { helper, signal: stop.signal });
    setTimeout(() => stop.abort(new Error("enough")), 200);
    await expect(asking).rejects.toThrow("enough");
  });

  test("gets the variables of keyrings and clouds, and no others", async () => {
    const helper = `printf '{"Username":"%s","Secret":"%s"}' "$AWS_PROFILE" "$VAULT_TOKEN-"`;
    const env = { AWS_PROFILE: "prod", VAULT_TOKEN: "s3cret" };
    expect(await ask({ credsStore: "it" }, "r.io/a", { helper, env })).toMatchObject({
      username: "prod",
      password: "-",
    });
  });
});
