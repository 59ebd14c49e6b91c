/** Logins, rights and names at Key Vault: what is refused, and what is said of it. */
import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Settings } from "../../src/model/settings.ts";
import { temporaryDirectory } from "../fixtures/temporary.ts";
import { never } from "../reconciler/world.ts";
import { type AzureScene, clientSecret, SECRET, startAzure } from "./azureScene.ts";
import { values, version } from "./told.ts";
import { IDENTITY_HEADER } from "./entra.ts";
import { TENANT } from "./keyVault.ts";

let scene: AzureScene;
let id = "";

beforeAll(async () => {
  scene = await startAzure();
  id = scene.put("x", "value-of-x");
});

afterAll(() => scene[Symbol.asyncDispose]());

describe("what the identity may not", () => {
  it("with no right to list, says so, and reads no value instead", async () => {
    const provider = scene.openAs({ permissions: ["get"] });
    const before = scene.vault.valuesAsked();
    expect(await version(provider, { path: "x" })).toMatchObject({
      code: "secret-denied",
      message:
        'the identity of provider "azure" may not list the versions of "x" (Forbidden, ForbiddenByRbac; request e7221c8f-438b-426f-abc5-056b1536badd)',
      hint: expect.stringMatching(/Key Vault Secrets User.*permission "list"/) as unknown,
    });
    expect(scene.vault.valuesAsked()).toBe(before);
    expect(await values(provider, { path: "x" })).toEqual({ value: "value-of-x" });
    expect(await provider.check(never)).toEqual({ ok: true });
  });

  it("with no right to get, plans and reads nothing", async () => {
    const provider = scene.openAs({ permissions: ["list"] });
    expect(await version(provider, { path: "x" })).toBe(id);
    expect(await values(provider, { path: "x" })).toMatchObject({
      code: "secret-denied",
      message: expect.stringContaining('may not read "x"') as unknown,
      hint: expect.stringMatching(/Key Vault Secrets User.*permission "get"/) as unknown,
    });
  });

  it("with rights to some secrets only, watches those without the list", async () => {
    const names = ["p", "q", "r"];
    const ids = names.map((name) => scene.put(name, name));
    scene.vault.store.pass(60);
    const provider = scene.openAs({ permissions: ["get", "list"], secrets: names });
    const listed = scene.vault.asked.filter((one) => one === "GET /secrets").length;
    const requests = [...names, "x"].map((path) => ({ path }));
    for (let poll = 0; poll < 2; poll++) {
      const told = await provider.versions(requests, never);
      expect(names.map((name) => told.get(name))).toEqual(ids);
      expect(told.get("x")).toMatchObject({ code: "secret-denied" });
    }
    expect(scene.vault.asked.filter((one) => one === "GET /secrets")).toHaveLength(listed + 1);
  });
});

describe("a name", () => {
  it("that Key Vault cannot have is refused with one that it can", async () => {
    const provider = scene.open();
    const before = scene.vault.asked.length;
    const proposals = {
      "db/password": "db-password",
      my_secret: "my-secret",
      "/a b/": "a-b",
      ü: undefined,
    };
    for (const [path, proposed] of Object.entries(proposals)) {
      const refused = {
        code: "reference-invalid",
        message: `"${path}" is no name of a secret in provider "azure"`,
        hint: `Key Vault takes letters, digits and "-" only, 127 at most${proposed === undefined ? "." : `: name it "${proposed}", there and in the reference.`}`,
      };
      expect(await version(provider, { path })).toMatchObject(refused);
      expect(await values(provider, { path })).toMatchObject(refused);
    }
    expect(await version(provider, { path: "n".repeat(128) })).toMatchObject({
      code: "reference-invalid",
    });
    expect(scene.vault.asked).toHaveLength(before);
  });

  it("is the same in any case of letters, as it is there", async () => {
    const ids = ["Db-Main", "Db-Side", "Db-Old"].map((name) => scene.put(name, name));
    const provider = scene.open();
    scene.vault.store.pass(60);
    const names = ["db-main", "DB-SIDE", "Db-Old"];
    for (let poll = 0; poll < 2; poll++) {
      const told = await provider.versions(
        names.map((path) => ({ path })),
        never,
      );
      expect(names.map((name) => told.get(name))).toEqual(ids);
    }
    expect(scene.vault.asked.at(-1)).toBe("GET /secrets");
  });
});

describe("a value", () => {
  it("that is a JSON object gives its keys, and any other text is one value", async () => {
    scene.put("json", '{"user":"u","port":5432,"tls":true,"none":null,"list":[1,"ü"]}');
    const provider = scene.open();
    expect(await values(provider, { path: "json" })).toEqual({
      ...{ user: "u", port: "5432", tls: "true", none: "", list: '[1,"ü"]' },
    });
    for (const text of ['["a"]', '"quoted"', "{not json}", "{", "5", " x "]) {
      scene.put("text", text);
      expect(await values(provider, { path: "text" })).toEqual({ value: text });
    }
  });

  it("of a version that is gone, or is none, is not replaced by another", async () => {
    const provider = scene.open();
    const before = scene.vault.asked.length;
    for (const ask of [version, values]) {
      expect(await ask(provider, { path: "x", pinned: "f".repeat(32) })).toMatchObject({
        code: "secret-version-gone",
        message: `secret "azure:x" has no version ${"f".repeat(32)} any more`,
      });
    }
    const asked = scene.vault.asked.length;
    expect(asked).toBeGreaterThan(before);
    for (const ask of [version, values]) {
      expect(await ask(scene.open(), { path: "x", pinned: "7/../8" })).toMatchObject({
        code: "secret-version-gone",
      });
    }
    expect(scene.vault.asked).toHaveLength(asked);
  });
});

describe("a login", () => {
  it.each([
    [
      "of another secret",
      { ...clientSecret("not-it-at-all") },
      "AADSTS7000215",
      "client_secret is wrong",
    ],
    [
      "of nobody",
      { ...clientSecret(SECRET), client_id: "nobody" },
      "AADSTS700016",
      "no application of that client_id",
    ],
    [
      "in a tenant that is none",
      { ...clientSecret(SECRET), tenant_id: "99999999-0000-0000-0000-000000000000" },
      /another tenant|AADSTS90002/,
      "tenant_id",
    ],
  ])("%s is refused with the server's own code", async (_, auth: Settings, code, hint) => {
    const health = await scene.open({ auth }).check(never);
    if (health.ok) throw new Error("let in");
    expect(health.error).toMatchObject({
      code: "provider-auth",
      hint: expect.stringContaining(hint) as unknown,
    });
    expect(health.error.message).toMatch(code);
    expect(JSON.stringify([health.error.message, health.error.hint])).not.toMatch(
      /not-it-at-all|client-secret-of/,
    );
    expect(health.error.cause).toBeUndefined();
  });

  it("is done again with what its file says by then, and where its token is none any more", async () => {
    await using directory = await temporaryDirectory();
    const file = join(directory.path, "secret");
    const who = { method: "client_secret", tenant_id: TENANT, client_id: "reader" };
    const provider = scene.open({ auth: { ...who, client_secret_file: file } });
    await writeFile(file, "not-it-at-all\n");
    await expect(version(provider, { path: "x" })).rejects.toMatchObject({ code: "provider-auth" });
    await writeFile(file, `${SECRET}\n`);
    expect(await version(provider, { path: "x" })).toBe(id);
    scene.vault.entra.revoke();
    expect(await version(provider, { path: "x" })).toBe(id);
    scene.vault.entra.revoke();
    await writeFile(file, "not-it-at-all\n");
    await expect(version(provider, { path: "x" })).rejects.toMatchObject({ code: "provider-auth" });
  });
});

describe("the identity of a machine, in a process of its own", () => {
  const run = promisify(execFile);
  const ask = async (
    auth: Settings,
    environment: NodeJS.ProcessEnv,
    authority = scene.vault.url,
  ): Promise<unknown> => {
    const { caFile, url } = scene.vault;
    const settings = {
      ...{ vault_url: url, authority_host: authority, emulator: true },
      ...{ tls: { ca_cert: caFile }, auth },
    };
    const script = join(import.meta.dirname, "../fixtures/ask-key-vault.ts");
    const env = { PATH: process.env["PATH"], HOME: "/nonexistent", ...environment };
    const { stdout } = await run(process.execPath, [script, JSON.stringify(settings), "x"], {
      env,
    });
    return JSON.parse(stdout) as unknown;
  };
  const machine = (): NodeJS.ProcessEnv => ({
    IDENTITY_ENDPOINT: scene.vault.machineUrl,
    IDENTITY_HEADER,
  });

  it("is the system's own, the one of a client id, or none", async () => {
    const reader = { permissions: ["get", "list"] };
    scene.vault.entra.machine.set("", { ...reader, secrets: ["x"] }).set("user-assigned", reader);
    const [own, assigned, none] = await Promise.all([
      ask({ method: "managed_identity" }, machine()),
      ask({ method: "managed_identity", client_id: "user-assigned" }, machine()),
      ask({ method: "managed_identity", client_id: "nobody" }, machine()),
    ]);
    expect([own, assigned]).toEqual([{ version: id }, { version: id }]);
    expect(none).toMatchObject({
      code: "provider-auth",
      hint: expect.stringContaining(
        "Assign the identity to this machine, or correct providers.azure.auth.client_id",
      ) as unknown,
    });
  });

  it("is what the default chain finds, after the variables", async () => {
    const app = { AZURE_TENANT_ID: TENANT, AZURE_CLIENT_ID: "reader", AZURE_CLIENT_SECRET: SECRET };
    const only = { AZURE_TOKEN_CREDENTIALS: "prod" };
    const away = { IDENTITY_ENDPOINT: "http://127.0.0.1:1/msi", IDENTITY_HEADER };
    const told = await Promise.all([
      ask({}, { ...only, ...app, ...away }),
      ask({ method: "default" }, { ...only, ...machine() }),
      ask({}, { ...only, ...app, AZURE_CLIENT_SECRET: "not-it-at-all" }),
      ask({}, { ...only, ...away }),
      ask({}, { ...only, ...app, ...away }, "https://127.0.0.1:1"),
    ]);
    expect(told.slice(0, 2)).toEqual([{ version: id }, { version: id }]);
    expect(told.slice(2)).toMatchObject([
      { code: "provider-auth", message: expect.stringContaining("AADSTS7000215") as unknown },
      { code: "provider-auth", hint: expect.stringContaining("Set AZURE_TENANT_ID") as unknown },
      { code: "provider-unreachable", message: expect.stringContaining("127.0.0.1:1") as unknown },
    ]);
  });
});
