import { readdirSync, unlinkSync } from "node:fs";
import { chmod, readdir, readFile, rename, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { initVault, rewrapVault } from "../../../src/providers/local/setup.ts";
import { openLocalVault } from "../../../src/providers/local/vault.ts";
import { temporaryDirectory } from "../../fixtures/temporary.ts";
import { tinyDisk } from "../../fixtures/tinyDisk.ts";
import { never, newVault, secret, textOf, vaultOptions } from "./vaults.ts";

test("keeps values, keys, versions and who wrote them", async () => {
  await using dir = await temporaryDirectory();
  const { vault, options } = await newVault(dir.path);
  expect(await vault.set({ path: "db", key: "user" }, secret("app"), {}, never)).toBe(1);
  expect(await vault.set({ path: "db", key: "password" }, secret("s3cret"), {}, never)).toBe(2);
  expect(await vault.set({ path: "token" }, secret("abc"), {}, never)).toBe(1);
  vault.close();

  const again = await openLocalVault({ ...options, who: "bob" }, never);
  expect(await textOf(again, "db", "user")).toBe("app");
  expect(await textOf(again, "db", "password")).toBe("s3cret");
  expect(await textOf(again, "token")).toBe("abc");
  await again.set({ path: "db", key: "password" }, secret("new"), {}, never);
  expect(await again.history("db")).toMatchObject([
    { version: 1, by: "alice", created: "2030-01-01T00:00:01.000Z", values: [{ key: "user" }] },
    { version: 2, by: "alice", values: [{ key: "password" }, { key: "user" }] },
    { version: 3, by: "bob", values: [{ key: "password" }, { key: "user" }] },
  ]);
  using old = await again.get({ path: "db", key: "password" }, 2);
  expect(old.reveal().toString()).toBe("s3cret");
});

test("no value and no key is in any file in plain, and all files are private", async () => {
  await using dir = await temporaryDirectory();
  const { vault } = await newVault(dir.path);
  const value = "very-secret-value-1234567890";
  await vault.set({ path: "db" }, secret(value), {}, never);
  const forms = [value, Buffer.from(value).toString("base64"), Buffer.from(value).toString("hex")];
  for (const entry of await readdir(dir.path, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    expect((await stat(path)).mode & 0o077).toBe(0);
    if (!entry.isFile()) continue;
    const content = await readFile(path, "latin1");
    for (const form of forms) expect(content).not.toContain(form);
  }
});

test("deleted secrets come back by rollback, destroyed ones do not", async () => {
  await using dir = await temporaryDirectory();
  const { vault, options } = await newVault(dir.path);
  await vault.set({ path: "db" }, secret("one"), {}, never);
  await vault.set({ path: "db" }, secret("two"), {}, never);
  expect(await vault.remove("db", {}, never)).toBe(3);
  await expect(vault.get({ path: "db" }, undefined)).rejects.toMatchObject({
    code: "secret-missing",
    hint: "Bring it back: dso secret rollback db 2",
  });
  await expect(vault.remove("db", {}, never)).rejects.toMatchObject({ code: "secret-missing" });
  expect(await vault.rollback("db", 1, {}, never)).toBe(4);
  expect(await textOf(vault, "db")).toBe("one");
  expect((await vault.history("db")).at(-1)).toMatchObject({ version: 4, copyOf: 1 });
  await expect(vault.rollback("db", 3, {}, never)).rejects.toMatchObject({
    code: "secret-version-gone",
    hint: "Versions that can be read: 1, 2, 4.",
  });

  const sealed = (await vault.history("db")).flatMap(({ values }) =>
    values.map(({ data }) => data),
  );
  expect(sealed).toHaveLength(3);
  await vault.destroy("db", {}, never);
  for (const file of [options.vaultFile, `${options.vaultFile}.1`]) {
    const text = await readFile(file, "latin1");
    for (const data of sealed) expect(text).not.toContain(data);
  }
  await expect(vault.rollback("db", 1, {}, never)).rejects.toThrow("no version 1");
  expect(await vault.set({ path: "db" }, secret("three"), {}, never)).toBe(5);
});

test("keeps the newest versions only, and never uses a number twice", async () => {
  await using dir = await temporaryDirectory();
  const { vault } = await newVault(dir.path, { maxVersions: 3 });
  for (let n = 1; n <= 5; n++) await vault.set({ path: "db" }, secret(`v${n}`), {}, never);
  expect((await vault.history("db")).map(({ version }) => version)).toEqual([3, 4, 5]);
  await expect(vault.get({ path: "db" }, 2)).rejects.toMatchObject({ code: "secret-version-gone" });
});

test("compare-and-set refuses what somebody changed meanwhile", async () => {
  await using dir = await temporaryDirectory();
  const { vault } = await newVault(dir.path);
  await vault.set({ path: "db" }, secret("one"), { expected: 0 }, never);
  await expect(
    vault.set({ path: "db" }, secret("two"), { expected: 0 }, never),
  ).rejects.toMatchObject({ code: "secret-conflict" });
  await vault.set({ path: "db" }, secret("two"), { expected: 1 }, never);
  await expect(vault.remove("db", { expected: 1 }, never)).rejects.toMatchObject({
    message: 'secret "db" is at version 2, not at version 1',
  });
  expect(await textOf(vault, "db")).toBe("two");
});

test("names the keys instead of guessing one", async () => {
  await using dir = await temporaryDirectory();
  const { vault } = await newVault(dir.path);
  await vault.set({ path: "db", key: "user" }, secret("app"), {}, never);
  expect(await textOf(vault, "db")).toBe("app");
  await vault.set({ path: "db", key: "password" }, secret("x"), {}, never);
  await expect(vault.get({ path: "db" }, undefined)).rejects.toMatchObject({
    code: "secret-missing",
    message: 'secret "db" has several keys (password, user)',
  });
  await expect(vault.get({ path: "db", key: "pasword" }, undefined)).rejects.toMatchObject({
    hint: 'Did you mean "db#password"?',
  });
  await vault.set({ path: "db" }, secret("the value"), {}, never);
  expect(await textOf(vault, "db")).toBe("the value");
});

test.each([
  ["", "a"],
  ["a//b", "a"],
  ["../a", "a"],
  ["a\nb", "a"],
  ["a#b", "a"],
  ["a", ""],
  ["a", "b#c"],
  ["x".repeat(1025), "a"],
])("refuses the name %j # %j", async (path, key) => {
  await using dir = await temporaryDirectory();
  const { vault } = await newVault(dir.path);
  await expect(vault.set({ path, key }, secret("x"), {}, never)).rejects.toMatchObject({
    code: "usage",
  });
});

test("refuses empty and huge values", async () => {
  await using dir = await temporaryDirectory();
  const { vault } = await newVault(dir.path);
  await expect(vault.set({ path: "a" }, secret(""), {}, never)).rejects.toMatchObject({
    code: "secret-empty",
  });
  const huge = secret("x".repeat(10 * 1024 * 1024 + 1));
  await expect(vault.set({ path: "a" }, huge, {}, never)).rejects.toMatchObject({
    code: "secret-too-large",
  });
});

describe("importEntries", () => {
  test("stores all in one generation, and only what is new", async () => {
    await using dir = await temporaryDirectory();
    const { vault } = await newVault(dir.path);
    await vault.set({ path: "app/A" }, secret("same"), {}, never);
    await vault.set({ path: "app/B" }, secret("old"), {}, never);
    const entries = [
      ["A", Buffer.from("same")],
      ["B", Buffer.from("new")],
      ["C", Buffer.from("first")],
    ] as const;
    expect(await vault.importEntries(entries, "app", never)).toEqual([
      { path: "app/A", version: 1, changed: false },
      { path: "app/B", version: 2, changed: true },
      { path: "app/C", version: 1, changed: true },
    ]);
    expect(await textOf(vault, "app/B")).toBe("new");
  });

  test("names every entry that it cannot take, and takes none", async () => {
    await using dir = await temporaryDirectory();
    const { vault, options } = await newVault(dir.path);
    const before = await readFile(options.vaultFile);
    const entries = [
      ["GOOD", Buffer.from("x")],
      ["EMPTY", Buffer.of()],
      ["../BAD", Buffer.from("x")],
    ] as const;
    await expect(vault.importEntries(entries, "app", never)).rejects.toMatchObject({
      code: "secret-empty",
      others: [{ code: "usage" }],
    });
    expect((await readFile(options.vaultFile)).equals(before)).toBe(true);
  });
});

describe("what opens it", () => {
  test("a passphrase, and a wrong one is no damage", async () => {
    await using dir = await temporaryDirectory();
    const ask = (text: string) => ({ passphrase: async () => secret(text) });
    const { vault, options } = await newVault(dir.path, ask("correct horse"));
    await vault.set({ path: "db" }, secret("x"), {}, never);
    const again = await openLocalVault({ ...options, ...ask("correct horse") }, never);
    expect(await textOf(again, "db")).toBe("x");
    await expect(openLocalVault({ ...options, ...ask("wrong") }, never)).rejects.toMatchObject({
      code: "vault-key",
      hint: expect.stringContaining("undamaged") as string,
    });
    await expect(openLocalVault(vaultOptions(dir.path), never)).rejects.toMatchObject({
      code: "vault-key",
      message: expect.stringContaining("wants a passphrase") as string,
    });
  });

  test("another key file does not, nor one that is missing, damaged or open to others", async () => {
    await using dir = await temporaryDirectory();
    await using other = await temporaryDirectory();
    const { options } = await newVault(dir.path);
    const { options: stranger } = await newVault(other.path);
    const fails = (change: object, message: string) =>
      expect(openLocalVault({ ...options, ...change }, never)).rejects.toMatchObject({
        code: "vault-key",
        message: expect.stringContaining(message) as string,
      });
    await fails({ keyFile: stranger.keyFile }, "does not open");
    await fails({ keyFile: join(dir.path, "none") }, "is missing");
    await chmod(options.keyFile, 0o640);
    await fails({}, "mode 0640");
    await writeFile(options.keyFile, "hello");
    await chmod(options.keyFile, 0o600);
    await fails({}, "no key file");
  });

  test("a key file beside the vault is refused, at init and later", async () => {
    await using dir = await temporaryDirectory();
    const { options } = await newVault(dir.path);
    const keyFile = join(dir.path, "home", "vault.key");
    await rename(options.keyFile, keyFile);
    await expect(openLocalVault({ ...options, keyFile }, never)).rejects.toMatchObject({
      message: expect.stringContaining("beside the vault") as string,
    });
    await using empty = await temporaryDirectory();
    const beside = { ...vaultOptions(empty.path), keyFile: join(empty.path, "home", "k") };
    await expect(initVault(beside, never)).rejects.toMatchObject({ code: "vault-key" });
  });

  test("changing it locks out the old one, in the kept generation too", async () => {
    await using dir = await temporaryDirectory();
    const { vault, options } = await newVault(dir.path);
    await vault.set({ path: "db" }, secret("x"), {}, never);
    const next = { ...options, passphrase: async () => secret("new") };
    await rewrapVault(options, next, never);
    await vault.set({ path: "db" }, secret("y"), {}, never);
    expect(await textOf(await openLocalVault(next, never), "db")).toBe("y");
    await expect(openLocalVault(options, never)).rejects.toMatchObject({ code: "vault-key" });
    expect(await readFile(`${options.vaultFile}.1`, "latin1")).not.toContain("key-file");
    await rewrapVault(next, options, never);
    expect(await textOf(await openLocalVault(options, never), "db")).toBe("y");
  });

  test("a vault that asks for absurd effort is refused before it is made", async () => {
    await using dir = await temporaryDirectory();
    const passphrase = async () => secret("x");
    const passphraseCost = { memory: 2 ** 30, passes: 1, parallelism: 1 };
    await expect(newVault(dir.path, { passphrase, passphraseCost })).rejects.toMatchObject({
      code: "vault-key",
      message: expect.stringContaining("too much memory") as string,
    });
  });
});

test("init makes a vault once, and says how to make one where there is none", async () => {
  await using dir = await temporaryDirectory();
  const options = vaultOptions(dir.path);
  await expect(openLocalVault(options, never)).rejects.toMatchObject({
    code: "vault-missing",
    hint: "Run: dso init",
  });
  await initVault(options, never);
  const before = await readFile(options.vaultFile);
  await expect(initVault(options, never)).rejects.toMatchObject({ code: "usage" });
  expect((await readFile(options.vaultFile)).equals(before)).toBe(true);
});

test("a writer whose lock was broken meanwhile writes nothing", async () => {
  await using dir = await temporaryDirectory();
  const { vault, options } = await newVault(dir.path);
  await vault.set({ path: "db" }, secret("old"), {}, never);
  const before = await readFile(options.vaultFile);
  const now = (): number => {
    // The clock is read under the lock: the moment for somebody to take it away.
    for (const name of readdirSync(options.lockFile)) unlinkSync(join(options.lockFile, name));
    return 0;
  };
  const late = await openLocalVault({ ...options, clock: { now } }, never);
  await expect(late.set({ path: "db" }, secret("new"), {}, never)).rejects.toMatchObject({
    code: "lock-lost",
  });
  expect((await readFile(options.vaultFile)).equals(before)).toBe(true);
  expect(await textOf(vault, "db")).toBe("old");
});

test.runIf(process.geteuid?.() === 0)("a full disk changes nothing", async () => {
  await using disk = await tinyDisk(256);
  const { vault } = await newVault(disk.path);
  await vault.set({ path: "db" }, secret("old"), {}, never);
  const big = secret("x".repeat(300_000));
  await expect(vault.set({ path: "big" }, big, {}, never)).rejects.toMatchObject({
    code: "disk-full",
  });
  expect(await textOf(vault, "db")).toBe("old");
});
