/** The provider of Vault against a real OpenBao, over TLS. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DsoError } from "../../src/model/errors.ts";
import {
  requestKey,
  type SecretProvider,
  type SecretRequest,
  UNSUPPORTED,
} from "../../src/model/ports.ts";
import { Secret } from "../../src/model/secret.ts";
import type { Setting, Settings } from "../../src/model/settings.ts";
import { openVaultProvider } from "../../src/providers/vault/open.ts";
import { describeProvider } from "../providers/contract.ts";
import { never } from "../reconciler/world.ts";
import { type Bao, startBao } from "./bao.ts";

const READER = `path "secret/data/*" { capabilities = ["read"] }
path "secret/metadata/*" { capabilities = ["read"] }
path "secret/detailed-metadata/*" { capabilities = ["list"] }`;
const WATCHER = `path "secret/metadata/*" { capabilities = ["read"] }
path "secret/detailed-metadata/*" { capabilities = ["list"] }`;

let bao: Bao;

beforeAll(async () => {
  bao = await startBao();
  await bao.root("PUT", "sys/policies/acl/reader", { policy: READER });
  await bao.root("PUT", "sys/policies/acl/watcher", { policy: WATCHER });
});

afterAll(() => bao[Symbol.asyncDispose]());

const clock = {
  now: () => Date.now(),
  elapsed: () => performance.now(),
  sleep: () => Promise.reject(new Error("nobody sleeps here")),
};

const credential = (text: string): Secret => new Secret(Buffer.from(text));
const encode = (path: string): string => path.split("/").map(encodeURIComponent).join("/");

async function tokenWith(policy: string, more: object = {}): Promise<string> {
  const body = { policies: [policy], no_parent: true, display_name: "dso", ...more };
  const made = (await bao.root("POST", "auth/token/create", body)) as {
    auth: { client_token: string };
  };
  return made.auth.client_token;
}

function open(auth: Settings, more: Settings = {}): SecretProvider {
  const settings = { addr: bao.addr, tls: { ca_cert: bao.caFile }, auth, ...more };
  return openVaultProvider({
    ...{ name: "vault", settings, environment: {}, directory: bao.directory, clock },
  });
}

async function withToken(policy: string, more: Settings = {}): Promise<SecretProvider> {
  const token: Setting = credential(await tokenWith(policy));
  return open({ method: "token", token }, more);
}

const put = (path: string, data: unknown): Promise<unknown> =>
  bao.root("POST", `secret/data/${encode(path)}`, { data });

async function version(provider: SecretProvider, request: SecretRequest): Promise<unknown> {
  return (await provider.versions([request], never)).get(requestKey(request));
}

/** Key to text; or what was said instead. */
async function values(provider: SecretProvider, request: SecretRequest): Promise<unknown> {
  const found = (await provider.read([request], never)).get(requestKey(request));
  if (found === undefined || found instanceof DsoError) return found;
  return Object.fromEntries(
    [...found.values].map(([key, value]) => [key, value.reveal().toString()]),
  );
}

describeProvider(
  "Vault",
  async () => ({
    provider: await withToken("reader"),
    put: (path, value) => put(path, { value: Buffer.from(value).toString() }),
    remove: (path) => bao.root("DELETE", `secret/metadata/${encode(path)}`),
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
    for (const name of names) await put(name, { value: name });
    const provider = await withToken("watcher");
    const before = (await bao.asked()).length;
    const requests = names.map((path) => ({ path }));
    expect([...(await provider.versions(requests, never)).values()]).toEqual(names.map(() => "1"));
    expect((await bao.asked()).slice(before)).toEqual([
      "read sys/internal/ui/mounts/secret",
      "list secret/detailed-metadata/w/",
      "read secret/metadata/single",
    ]);
    expect(await values(provider, { path: "single" })).toMatchObject({
      code: "secret-denied",
      hint: `Its policy needs: path "secret/data/single" { capabilities = ["read"] }`,
    });
  });

  it("of what is deleted or destroyed are gone, and say how they come back", async () => {
    const provider = await withToken("reader");
    await put("del", { value: "1" });
    await put("del", { value: "2" });
    await bao.root("DELETE", "secret/data/del");
    const deleted = { code: "secret-missing", hint: "Bring it back: vault kv undelete." };
    expect(await version(provider, { path: "del" })).toMatchObject(deleted);
    expect(await values(provider, { path: "del" })).toMatchObject(deleted);
    expect(await values(provider, { path: "del", pinned: "1" })).toEqual({ value: "1" });
    await bao.root("PUT", "secret/destroy/del", { versions: [1] });
    for (const ask of [version, values]) {
      for (const pinned of ["1", "7"])
        expect(await ask(provider, { path: "del", pinned })).toMatchObject({
          code: "secret-version-gone",
        });
    }
  });

  it("are none in an engine of version 1", async () => {
    await bao.root("POST", "sys/mounts/old", { type: "kv", options: { version: "1" } });
    await bao.root("PUT", "sys/policies/acl/old", {
      policy: `path "old/*" { capabilities = ["read"] }`,
    });
    await bao.root("POST", "old/db", { user: "u", password: "p" });
    const provider = await withToken("old", { mount_path: "old" });
    expect(await version(provider, { path: "db" })).toBe(UNSUPPORTED);
    expect(await values(provider, { path: "db" })).toEqual({ user: "u", password: "p" });
    expect(await values(provider, { path: "none" })).toMatchObject({ code: "secret-missing" });
  });
});

it("what is no text is its JSON, and null is empty", async () => {
  await put("odd", { n: 5, yes: true, none: null, list: [1, "a"], map: { a: "ü" }, text: "5" });
  expect(await values(await withToken("reader"), { path: "odd" })).toEqual({
    ...{ n: "5", yes: "true", none: "", list: '[1,"a"]', map: '{"a":"ü"}', text: "5" },
  });
});

describe("a login", () => {
  const expectRead = async (auth: Settings): Promise<SecretProvider> => {
    await put("login", { value: "in" });
    const provider = open(auth);
    expect(await values(provider, { path: "login" })).toEqual({ value: "in" });
    return provider;
  };

  it("by approle, from a file; its token is given back at the end", async () => {
    await bao.root("POST", "sys/auth/approle", { type: "approle" });
    const role = { token_policies: ["reader"], token_ttl: "1h" };
    await bao.root("POST", "auth/approle/role/dso", role);
    const { data: id } = (await bao.root("GET", "auth/approle/role/dso/role-id")) as {
      data: { role_id: string };
    };
    const { data: secret } = (await bao.root("POST", "auth/approle/role/dso/secret-id", {})) as {
      data: { secret_id: string };
    };
    const file = join(bao.directory, "secret-id");
    await writeFile(file, `${secret.secret_id}\n`);
    const auth = { method: "approle", role_id: id.role_id, secret_id_file: "secret-id" };
    const provider = await expectRead(auth);
    await provider.close();
    expect((await bao.asked()).at(-1)).toBe("update auth/token/revoke-self");
    await writeFile(file, "another");
    await expect(open(auth).versions([{ path: "login" }], never)).rejects.toMatchObject({
      code: "provider-auth",
      message: expect.stringContaining(
        "the login by approle at auth/approle/login was refused",
      ) as unknown,
    });
  });

  it("by userpass, again whenever its token has expired", async () => {
    await bao.root("POST", "sys/auth/people", { type: "userpass" });
    const user = {
      password: "pass-of-the-test",
      token_policies: ["reader"],
      token_ttl: "1s",
      token_max_ttl: "2s",
    };
    await bao.root("POST", "auth/people/users/dso", user);
    const auth = {
      method: "userpass",
      mount: "people",
      username: "dso",
      password: credential(user.password),
    };
    const provider = await expectRead(auth);
    for (let turn = 0; turn < 3; turn++) {
      await new Promise((resolve) => setTimeout(resolve, 1100));
      expect(await values(provider, { path: "login" })).toEqual({ value: "in" });
    }
    await provider.close();
  });
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
    expect(await rejected(open(token))).toMatchObject({
      code: "provider-auth",
      hint: "It has expired or was revoked: give another one under providers.vault.auth.",
    });
  });

  it("a certificate that nobody has signed", async () => {
    const { code, message, hint } = await rejected(open(token, { tls: {} }));
    expect([code, hint]).toEqual([
      "provider-unreachable",
      "Name the certificates to trust under tls: ca_cert in dso.yaml.",
    ]);
    expect(message).toBe(
      `provider "vault" at ${bao.addr}: its certificate is signed by nobody that is trusted`,
    );
  });

  it("nobody at the address, or somebody else", async () => {
    const nobody = await rejected(open(token, { addr: "https://127.0.0.1:1" }));
    expect(nobody.message).toBe('provider "vault" at https://127.0.0.1:1: nobody listens there');
    const plain = await rejected(open(token, { addr: bao.addr.replace("https", "http") }));
    expect(plain.message).toContain("is no Vault: that was no JSON");
  });

  it("a mount that is none, or no KV engine", async () => {
    await bao.root("POST", "sys/mounts/keys", { type: "transit" });
    const all = `path "*" { capabilities = ["read", "list"] }`;
    await bao.root("PUT", "sys/policies/acl/all", { policy: all });
    const missing = await rejected(await withToken("all", { mount_path: "nothing/here" }));
    expect([missing.code, missing.hint]).toEqual([
      "config-invalid",
      expect.stringContaining("mount_path"),
    ]);
    const other = await rejected(await withToken("all", { mount_path: "keys" }));
    expect(other.message).toBe('provider "vault": the mount "keys" is of type transit, and not kv');
  });

  it("a server that is sealed", async () => {
    const provider = await withToken("reader");
    await put("x", { value: "1" });
    expect(await version(provider, { path: "x" })).toBe("1");
    await bao.root("PUT", "sys/seal");
    const { code, message } = await rejected(provider);
    expect([code, message]).toEqual([
      "provider-unreachable",
      `provider "vault": ${bao.addr} is sealed`,
    ]);
  });
});
