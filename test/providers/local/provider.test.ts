import { rm } from "node:fs/promises";
import { expect, test } from "vitest";
import { DsoError } from "../../../src/model/errors.ts";
import { createLocalProvider } from "../../../src/providers/local/provider.ts";
import { temporaryDirectory } from "../../fixtures/temporary.ts";
import { never, newVault, secret } from "./vaults.ts";

test("answers versions and values in batches, each fault by itself", async () => {
  await using dir = await temporaryDirectory();
  const { vault } = await newVault(dir.path);
  await vault.set({ path: "db", key: "user" }, secret("app"), {}, never);
  await vault.set({ path: "db", key: "password" }, secret("pw"), {}, never);
  await vault.set({ path: "gone" }, secret("x"), {}, never);
  await vault.remove("gone", {}, never);
  const provider = createLocalProvider(vault);
  expect(provider.name).toBe("local");
  const requests = [
    { path: "db" },
    { path: "db", pinned: "1" },
    { path: "db", pinned: "9" },
    { path: "db", pinned: "01" },
    { path: "db/password" },
    { path: "dbx" },
    { path: "gone" },
    { path: "nothing/like/it" },
  ];
  const versions = await provider.versions(requests, never);
  expect(versions.get("db")).toBe("2");
  expect(versions.get("db@1")).toBe("1");
  expect((await provider.keys?.(requests, never))?.get("db")).toEqual(["password", "user"]);
  const read = await provider.read(requests, never);
  const faults = [
    ["db@9", "secret-version-gone", "Versions that can be read: 1, 2."],
    ["db@01", "secret-version-gone", "Versions that can be read: 1, 2."],
    ["db/password", "secret-missing", 'Secret "db" has a key "password": write db#password'],
    ["dbx", "secret-missing", 'Did you mean "db"?'],
    ["gone", "secret-missing", "Bring it back: dso secret rollback gone 1"],
    ["nothing/like/it", "secret-missing", "Set it: dso secret set nothing/like/it"],
  ] as const;
  for (const [key, code, hint] of faults) {
    expect(versions.get(key)).toMatchObject({ code, hint });
    expect(read.get(key)).toMatchObject({ code, hint });
  }
  const data = read.get("db");
  if (data === undefined || data instanceof DsoError) throw new Error("db was not read");
  expect(data.version).toBe("2");
  expect([...data.values].map(([key, value]) => [key, value.reveal().toString()])).toEqual([
    ["password", "pw"],
    ["user", "app"],
  ]);
});

test("is of no use without its file, and says so", async () => {
  await using dir = await temporaryDirectory();
  const { vault, options } = await newVault(dir.path);
  const provider = createLocalProvider(vault, "team");
  expect(provider.name).toBe("team");
  expect(await provider.check(never)).toEqual({ ok: true });
  await rm(options.vaultFile);
  expect(await provider.check(never)).toMatchObject({
    ok: false,
    error: { code: "vault-missing" },
  });
  await expect(provider.versions([{ path: "db" }], never)).rejects.toMatchObject({
    code: "vault-missing",
  });
});

test("a closed one opens nothing any more", async () => {
  await using dir = await temporaryDirectory();
  const { vault } = await newVault(dir.path);
  const provider = createLocalProvider(vault);
  await provider.close();
  await expect(provider.versions([], never)).rejects.toThrow();
});
