import { mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { runProgram } from "../../src/cli/program.ts";
import { passphraseSource } from "../../src/cli/vault.ts";
import { wire } from "../../src/wire.ts";
import { createFakeSession, type FakeSession } from "../fakes/session.ts";

type Variables = Readonly<Record<string, string>>;

let home = "";
let key = "";
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "dso-key-"));
  key = join(home, ".config/dso/vault.key");
  await dso({}, "init");
  await dso({}, "secret", "set", "s", "hunter2");
});
afterEach(async () => {
  await rm(home, { recursive: true });
});

async function dso(variables: Variables, ...argv: readonly string[]): Promise<string> {
  const environment = { HOME: home, DOCKER_HOST: `unix://${home}/none.sock`, ...variables };
  const session: FakeSession = createFakeSession({
    environment,
    cwd: home,
    connect: ({ configFile }) => {
      const passphrase = passphraseSource(session);
      const given = passphrase === undefined ? {} : { passphrase };
      const { signal } = session;
      return wire({
        cwd: home,
        environment,
        configFile,
        version: "4.0.0-test",
        shims: home,
        stays: false,
        signal,
        ...given,
      });
    },
  });
  session.keyboard.end();
  await runProgram(argv, session);
  return session.written.output();
}

function value(variables: Variables = {}): Promise<string> {
  return dso(variables, "secret", "get", "s", "--reveal");
}

async function passphraseFile(text: string): Promise<string> {
  const path = join(home, text);
  await writeFile(path, text, { mode: 0o600 });
  return path;
}

describe("dso init --change-key", () => {
  it("makes a new key file, and keeps the one that opens older backups", async () => {
    const before = await readFile(key);
    const output = await dso({}, "init", "--change-key");
    expect(output).toContain(`opened by a new key, ${key}.`);
    expect(output).toContain(`The key file of before is ${key}.old.`);
    expect(await readFile(`${key}.old`)).toEqual(before);
    expect((await readdir(dirname(key))).sort()).toEqual(["vault.key", "vault.key.old"]);
    expect(await value()).toBe("hunter2");
    await rename(`${key}.old`, key);
    await expect(value()).rejects.toMatchObject({ code: "vault-key" });
  });

  it("gives up no key that was kept before", async () => {
    await dso({}, "init", "--change-key");
    const [now, kept] = [await readFile(key), await readFile(`${key}.old`)];
    await expect(dso({}, "init", "--change-key")).rejects.toMatchObject({ code: "usage" });
    expect([await readFile(key), await readFile(`${key}.old`)]).toEqual([now, kept]);
  });

  it("goes from a key file to a passphrase, to another one, and back", async () => {
    const [first, second] = [await passphraseFile("first"), await passphraseFile("second")];
    const change = ["init", "--change-key", "--passphrase"] as const;
    await expect(dso({}, ...change)).rejects.toMatchObject({
      hint: expect.stringContaining("DSO_VAULT_NEW_PASSPHRASE_FILE") as string,
    });
    const output = await dso({ DSO_VAULT_NEW_PASSPHRASE_FILE: first }, ...change);
    expect(output).toContain("opened by its new passphrase");
    await expect(value()).rejects.toMatchObject({ code: "vault-key" });
    const [one, two] = [
      { DSO_VAULT_PASSPHRASE_FILE: first },
      { DSO_VAULT_PASSPHRASE_FILE: second },
    ];
    await dso({ ...one, DSO_VAULT_NEW_PASSPHRASE_FILE: second }, ...change);
    await expect(value(one)).rejects.toMatchObject({ code: "vault-key" });
    expect(await value(two)).toBe("hunter2");
    await dso(two, "init", "--change-key");
    expect(await value()).toBe("hunter2");
  });

  it("goes alone", async () => {
    await expect(dso({}, "init", "--change-key", "--accept-vault")).rejects.toMatchObject({
      code: "usage",
    });
  });
});
