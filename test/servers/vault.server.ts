/** The provider of Vault against a real OpenBao, over TLS. */
import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import type { ServerResponse } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import type { TLSSocket } from "node:tls";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DsoError } from "../../src/model/errors.ts";
import { type SecretProvider, UNSUPPORTED } from "../../src/model/ports.ts";
import { describeProvider } from "../providers/contract.ts";
import { never } from "../reconciler/world.ts";
import { credential, encode, startVault, type VaultScene } from "./vaultScene.ts";
import { values, version } from "./told.ts";

let scene: VaultScene;

beforeAll(async () => {
  scene = await startVault();
});

afterAll(() => scene[Symbol.asyncDispose]());

describeProvider(
  "Vault",
  async () => ({
    provider: await scene.withToken("reader"),
    put: (path, value) => scene.put(path, { value: Buffer.from(value).toString() }),
    remove: (path) => scene.bao.root("DELETE", `secret/metadata/${encode(path)}`),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }),
  {
    ...{ versioned: true, keepsOlder: true, binary: false, holdsEmpty: true },
    names: ["db/password", "other", "a b", "ü/€", "x#y?z", "deep/er/still", "100%"],
  },
);

describe("versions", () => {
  it("are read by a token that may read no value, and no value is asked for", async () => {
    const names = ["w/a", "w/b", "w/c", "w/d", "single"];
    for (const name of names) await scene.put(name, { value: name });
    const provider = await scene.withToken("watcher");
    const before = (await scene.bao.asked()).length;
    const requests = names.map((path) => ({ path }));
    expect([...(await provider.versions(requests, never)).values()]).toEqual(names.map(() => "1"));
    expect((await scene.bao.asked()).slice(before)).toEqual([
      "read auth/token/lookup-self",
      "read sys/internal/ui/mounts/secret/data",
      "list secret/detailed-metadata/w/",
      "read secret/metadata/single",
    ]);
    expect(await values(provider, { path: "single" })).toMatchObject({
      code: "secret-denied",
      hint: `Its policy needs: path "secret/data/single" { capabilities = ["read"] }`,
    });
  });

  it("of what is deleted or destroyed are gone, and say how they come back", async () => {
    const provider = await scene.withToken("reader");
    await scene.put("del", { value: "1" });
    await scene.put("del", { value: "2" });
    await scene.bao.root("DELETE", "secret/data/del");
    const deleted = { code: "secret-missing", hint: "Bring it back: vault kv undelete." };
    expect(await version(provider, { path: "del" })).toMatchObject(deleted);
    expect(await values(provider, { path: "del" })).toMatchObject(deleted);
    expect(await values(provider, { path: "del", pinned: "1" })).toEqual({ value: "1" });
    await scene.bao.root("PUT", "secret/destroy/del", { versions: [1] });
    for (const ask of [version, values]) {
      for (const pinned of ["1", "7"])
        expect(await ask(provider, { path: "del", pinned })).toMatchObject({
          code: "secret-version-gone",
        });
    }
  });

  it("that are to be deleted are there until then", async () => {
    await scene.bao.root("POST", "secret/metadata/passing", { delete_version_after: "24h" });
    await scene.put("passing", { value: "live" });
    const provider = await scene.withToken("reader");
    expect(await version(provider, { path: "passing" })).toBe("1");
    expect(await values(provider, { path: "passing", pinned: "1" })).toEqual({ value: "live" });
  });

  it("are none in an engine of version 1", async () => {
    await scene.bao.root("POST", "sys/mounts/old", { type: "kv", options: { version: "1" } });
    await scene.bao.root("PUT", "sys/policies/acl/old", {
      policy: `path "old/*" { capabilities = ["read"] }`,
    });
    await scene.bao.root("POST", "old/db", { user: "u", password: "p" });
    const provider = await scene.withToken("old", { mount_path: "old" });
    expect(await version(provider, { path: "db" })).toBe(UNSUPPORTED);
    expect(await values(provider, { path: "db" })).toEqual({ user: "u", password: "p" });
    expect(await values(provider, { path: "none" })).toMatchObject({ code: "secret-missing" });
  });
});

it("what is no text is its JSON, and null is empty", async () => {
  await scene.put("odd", {
    n: 5,
    yes: true,
    none: null,
    list: [1, "a"],
    map: { a: "ü" },
    text: "5",
  });
  expect(await values(await scene.withToken("reader"), { path: "odd" })).toEqual({
    ...{ n: "5", yes: "true", none: "", list: '[1,"a"]', map: '{"a":"ü"}', text: "5" },
  });
});

describe("a token without the right to ask about itself", () => {
  const bare = async (policy: string): Promise<SecretProvider> => {
    const body = { policies: [policy], no_parent: true, no_default_policy: true };
    const made = await scene.bao.root("POST", "auth/token/create", body);
    const { client_token: token } = (made as { auth: { client_token: string } }).auth;
    return scene.open({ token: credential(token) });
  };

  it("reads what it may, folders that it may not list, and names what it may not read", async () => {
    await scene.policy("some", `path "secret/+/some/*" { capabilities = ["read"] }`);
    const names = ["some/a", "some/b", "some/c", "some/d"];
    for (const name of names) await scene.put(name, { value: name });
    const provider = await bare("some");
    const requests = [...names, "other"].map((path) => ({ path }));
    const told = await provider.versions(requests, never);
    expect(names.map((name) => told.get(name))).toEqual(names.map(() => "1"));
    expect(told.get("other")).toMatchObject({
      ...{
        code: "secret-denied",
        hint: expect.stringContaining("secret/metadata/other") as unknown,
      },
    });
  });

  it("finds out what the mount is, once it may", async () => {
    await scene.bao.root("POST", "sys/mounts/later", { type: "kv", options: { version: "1" } });
    await scene.bao.root("POST", "later/db", { password: "p" });
    const provider = await scene.withToken("later", { mount_path: "later" });
    const denied = { code: "secret-denied" };
    expect(await version(provider, { path: "db" })).toMatchObject(denied);
    await scene.policy("later", `path "later/*" { capabilities = ["read"] }`);
    expect(await version(provider, { path: "db" })).toBe(UNSUPPORTED);
    expect(await values(provider, { path: "db" })).toEqual({ password: "p" });
  });
});

it("is known by its certificate, and asks for the server's by the name that is told", async () => {
  const pem = (name: string): string => join(scene.bao.directory, `vault-${name}.pem`);
  const [key, cert, ca] = await Promise.all(
    ["key", "cert", "ca"].map((name) => readFile(pem(name))),
  );
  const names: unknown[] = [];
  const server = createServer({ key, cert, ca, requestCert: true, rejectUnauthorized: false });
  server.on("request", ({ socket }: { socket: TLSSocket }, response: ServerResponse) => {
    names.push(socket.servername, socket.getPeerCertificate().serialNumber);
    response.writeHead(503).end("{}");
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const addr = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const tls = { ca_cert: pem("ca"), client_cert: pem("cert"), client_key: pem("key") };
  const provider = scene.open(
    { token: credential("x") },
    { addr, tls: { ...tls, server_name: "localhost" } },
  );
  await expect(provider.versions([{ path: "x" }], never)).rejects.toThrow("answers with 503");
  await provider.close();
  server.close();
  expect(names).toEqual(["localhost", new X509Certificate(cert!).serialNumber]);
});

describe("what is wrong is said in a line that says what to do", () => {
  const rejected = async (provider: SecretProvider): Promise<DsoError> => {
    const error: unknown = await provider
      .versions([{ path: "x" }], never)
      .catch((thrown: unknown) => thrown);
    if (!(error instanceof DsoError)) throw new Error(`not refused: ${String(error)}`);
    expect(`${error.message} ${error.hint ?? ""} ${JSON.stringify(error)}`).not.toContain(
      "secret-token",
    );
    return error;
  };
  const token = { method: "token", token: credential("secret-token") };

  it("a token that is none", async () => {
    expect(await rejected(scene.open(token))).toMatchObject({
      code: "provider-auth",
      hint: expect.stringContaining("It has expired or was revoked") as unknown,
    });
  });

  it("a certificate that nobody has signed", async () => {
    const { code, message, hint } = await rejected(scene.open(token, { tls: {} }));
    expect([code, hint]).toEqual([
      "provider-unreachable",
      "Name the certificates to trust under tls: ca_cert in dso.yaml.",
    ]);
    expect(message).toBe(
      `provider "vault" at ${scene.bao.addr}: its certificate is signed by nobody that is trusted`,
    );
  });

  it("nobody at the address, or somebody else", async () => {
    const nobody = await rejected(scene.open(token, { addr: "https://127.0.0.1:1" }));
    expect(nobody.message).toBe('provider "vault" at https://127.0.0.1:1: nobody listens there');
    const plain = await rejected(
      scene.open(token, { addr: scene.bao.addr.replace("https", "http") }),
    );
    expect(plain.message).toContain("is no Vault: that was no JSON");
  });

  it("a mount that is none, or no KV engine", async () => {
    await scene.bao.root("POST", "sys/mounts/keys", { type: "transit" });
    const all = `path "*" { capabilities = ["read", "list"] }`;
    await scene.policy("all", all);
    const missing = await rejected(await scene.withToken("all", { mount_path: "nothing/here" }));
    expect([missing.code, missing.hint]).toEqual([
      "config-invalid",
      expect.stringContaining("mount_path"),
    ]);
    const other = await rejected(await scene.withToken("all", { mount_path: "keys" }));
    expect(other.message).toBe('provider "vault": the mount "keys" is of type transit, and not kv');
  });

  it("a namespace that is none, and one that is", async () => {
    await scene.bao.root("POST", "sys/namespaces/team", {});
    await scene.bao.root("POST", "team/sys/mounts/secret", {
      type: "kv",
      options: { version: "2" },
    });
    await scene.bao.root("POST", "team/secret/data/x", { data: { value: "theirs" } });
    const text = `path "team/secret/*" { capabilities = ["read", "list"] }
path "team/sys/internal/*" { capabilities = ["read"] }`;
    await scene.policy("team", text);
    const provider = await scene.withToken("team", { namespace: "team" });
    expect(await values(provider, { path: "x" })).toEqual({ value: "theirs" });
    const { code, message } = await rejected(await scene.withToken("team", { namespace: "taem" }));
    expect([code, message]).toEqual(["config-invalid", expect.stringContaining("namespace")]);
  });

  it("too many requests", async () => {
    const limit = { path: "secret/", rate: 1, interval: "60s" };
    await scene.put("x", { value: "1" });
    const provider = await scene.withToken("reader");
    await version(provider, { path: "x" });
    await scene.bao.root("POST", "sys/quotas/rate-limit/one", limit);
    const asked = async (): Promise<unknown> => {
      for (let count = 0; count < 5; count++) await version(provider, { path: "x" });
      return "never limited";
    };
    await expect(asked()).rejects.toMatchObject({
      code: "provider-throttled",
      message: expect.stringContaining("takes no more requests for now") as unknown,
    });
    await scene.bao.root("DELETE", "sys/quotas/rate-limit/one");
  });

  it("a server that is sealed", async () => {
    const provider = await scene.withToken("reader");
    await scene.put("before", { value: "1" });
    expect(await version(provider, { path: "before" })).toBe("1");
    await scene.bao.root("PUT", "sys/seal");
    const { code, message } = await rejected(provider);
    expect([code, message]).toEqual([
      "provider-unreachable",
      `provider "vault": ${scene.bao.addr} is sealed`,
    ]);
    expect(await provider.check(never)).toMatchObject({ ok: false, error: { code } });
  });
});
