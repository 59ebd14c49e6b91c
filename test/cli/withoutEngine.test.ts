import { copyFile, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { runProgram } from "../../src/cli/program.ts";
import { faultsOf } from "../fakes/faults.ts";
import { useMachine } from "./machine.ts";

const { home, session: createSession, dso, piped } = useMachine();

async function value(name: string): Promise<string> {
  return (await dso("secret", "get", name, "--reveal")).output;
}

describe("the local vault on the command line", () => {
  beforeEach(async () => {
    await dso("init");
  });

  it("stores what is piped in, and gives it only where it is wanted", async () => {
    await piped("hunter2\n", "secret", "set", "app/db");
    await expect(dso("secret", "get", "app/db")).rejects.toMatchObject({ code: "usage" });
    expect(await value("app/db")).toBe("hunter2");
  });

  it("stores what is typed, and does not show it", async () => {
    const session = createSession(true);
    session.keyboard.type("hunter2\r");
    await runProgram(["secret", "set", "app/db"], session);
    expect(session.written.output() + session.written.error()).not.toContain("hunter2");
    expect(await value("app/db")).toBe("hunter2");
  });

  it("takes a value as an argument, and warns the person who wrote it", async () => {
    const session = createSession(true);
    await runProgram(["secret", "set", "app/db", "hunter2"], session);
    expect(session.written.error()).toContain("can be seen by others");
    expect(await value("app/db")).toBe("hunter2");
  });

  it("never repeats a value that it takes for a flag or one too many", async () => {
    for (const argv of [["-hunter2"], ["a", "hunter2"], ["--hunter2=x"]]) {
      const refused: unknown = await dso("secret", "set", "app/db", ...argv).catch(
        (error: unknown) => error,
      );
      expect(refused).toMatchObject({ code: "usage" });
      expect(String(refused)).not.toContain("hunter2");
    }
  });

  it("says of -cas itself what is wrong with it, and not what it was given", async () => {
    for (const argv of [["--cas", "hunter2"], ["-cas=hunter2"], ["--cas"]]) {
      const [refused] = await faultsOf(() => dso("secret", "set", "app/db", "v", ...argv));
      expect(refused).toMatchObject({ code: "usage" });
      expect(refused?.message).toBe("dso secret set: --cas takes a version.");
      expect(String(refused?.hint)).not.toContain("hunter2");
    }
  });

  it("compares and sets", async () => {
    await piped("one", "secret", "set", "app/db", "--cas", "0");
    await expect(piped("two", "secret", "set", "app/db", "--cas=0")).rejects.toMatchObject({
      code: "secret-conflict",
    });
    await piped("two", "secret", "set", "app/db", "-cas=1");
    expect(await value("app/db")).toBe("two");
  });

  it("lists names and versions, and nothing of a value", async () => {
    await piped("hunter2", "secret", "set", "app/db#password");
    await piped("admin", "secret", "set", "app/db#user");
    await piped("other", "secret", "set", "zed");
    const all = JSON.parse((await dso("secret", "list", "-json")).output) as readonly object[];
    expect(all).toMatchObject([
      { name: "app/db", version: 2, keys: ["password", "user"] },
      { name: "zed", version: 1 },
    ]);
    const { output: one } = await dso("secret", "list", "app/");
    expect(one).not.toContain("zed");
    expect(one).not.toContain("hunter2");
  });

  it("goes back one version, and then one more", async () => {
    for (const text of ["one", "two", "three"]) await piped(text, "secret", "set", "s");
    await dso("secret", "rollback", "s");
    expect(await value("s")).toBe("two");
    await dso("secret", "rollback", "s");
    expect(await value("s")).toBe("one");
    const { output } = await dso("secret", "history", "s");
    expect(output).toContain("as version 2");
    expect(output).not.toContain("three");
  });

  it("removes, brings back, and erases only when told so", async () => {
    await piped("one", "secret", "set", "s");
    await dso("secret", "rm", "s");
    await expect(value("s")).rejects.toMatchObject({ code: "secret-missing" });
    await dso("secret", "rollback", "s", "1");
    expect(await value("s")).toBe("one");
    await expect(dso("secret", "rm", "s", "--destroy")).rejects.toMatchObject({
      code: "approval-missing",
    });
    await dso("secret", "rm", "s", "--destroy", "--force");
    await expect(dso("secret", "rollback", "s", "1")).rejects.toThrow();
  });

  it("imports a .env file, after a look at it", async () => {
    await writeFile(join(home(), "work/.env"), 'A=1\nB="two words"\nC=${A}\n');
    const look = await dso("secret", "import", ".env", "--prefix", "app/", "--dry-run");
    expect(look.output).toBe("app/A\napp/B\napp/C\n");
    await expect(value("app/A")).rejects.toThrow();
    await dso("secret", "import", ".env", "--prefix=app");
    expect([await value("app/A"), await value("app/B"), await value("app/C")]).toEqual([
      "1",
      "two words",
      "1",
    ]);
    const { output } = await dso("secret", "import", ".env", "--prefix=app");
    expect(output).toContain("app/A: unchanged");
  });

  it("refuses what it cannot import with its line, also in a look at it", async () => {
    await writeFile(join(home(), "work/.env"), 'A=1\nB=\nC\n\nD=""\n');
    for (const flags of [[], ["--dry-run"]]) {
      const faults = await faultsOf(() => dso("secret", "import", ".env", ...flags));
      expect(faults.map(({ code, position }) => [code, position?.file, position?.line])).toEqual([
        ["secret-empty", ".env", 2],
        ["usage", ".env", 3],
        ["secret-empty", ".env", 5],
      ]);
    }
    await expect(value("A")).rejects.toMatchObject({ code: "secret-missing" });
  });

  it("imports nothing that has no end or is no text", async () => {
    await expect(dso("secret", "import", "/dev/zero")).rejects.toThrow("has more than 16 MiB");
    await writeFile(join(home(), "work/.env"), Buffer.from("A=1\nB=f\xfcr\n", "latin1"));
    await expect(dso("secret", "import", ".env")).rejects.toMatchObject({
      message: "the variable file: line 2 is not valid UTF-8",
      position: { line: 2 },
    });
  });

  it("goes back to the generation before a damaged one, as the error says", async () => {
    for (const text of ["one", "two"]) await piped(text, "secret", "set", "s");
    const file = join(home(), ".dso/vault.enc");
    const damaged = (await readFile(file)).fill(0, 200, 201);
    await writeFile(file, damaged);
    await expect(value("s")).rejects.toMatchObject({
      code: "vault-corrupt",
      hint: expect.stringContaining("dso init --restore-previous") as string,
    });
    expect((await dso("init", "--restore-previous")).output).toContain("previous generation");
    expect(await value("s")).toBe("one");
    expect(await readFile(`${file}.broken`)).toEqual(damaged);
  });

  it("takes a backup for the newest only when told so, as the error says", async () => {
    const file = join(home(), ".dso/vault.enc");
    await piped("one", "secret", "set", "s");
    await copyFile(file, join(home(), "backup"));
    await piped("two", "secret", "set", "s");
    await copyFile(join(home(), "backup"), file);
    await expect(value("s")).rejects.toMatchObject({
      code: "vault-stale",
      hint: expect.stringContaining("dso init --accept-vault") as string,
    });
    await dso("init", "--accept-vault");
    expect(await value("s")).toBe("one");
    await expect(dso("init", "--accept-vault", "--restore-previous")).rejects.toMatchObject({
      code: "usage",
    });
  });

  it("refuses a name of a store that is no local vault", async () => {
    await writeFile(
      join(home(), "work/dso.yaml"),
      "providers:\n  vault:\n    addr: https://vault.example.com\n    auth: { method: token, token_env: T }\n",
    );
    await expect(dso("secret", "rm", "vault:app/db")).rejects.toMatchObject({ code: "usage" });
  });
});

describe("without an engine", () => {
  const compose =
    "name: shop\nservices:\n  web:\n    image: web:1\n    environment:\n      DB: dso://app/db\n";

  it("validates", async () => {
    await writeFile(join(home(), "work/compose.yaml"), compose);
    const { code, output } = await dso("validate", "--offline");
    expect(code).toBe(0);
    expect(output).toContain("Valid: project shop, 1 service, 1 reference.");
    expect(output).not.toContain("SECRET");
  });

  it("names what is in dso.yaml but not in this release", async () => {
    await writeFile(join(home(), "work/compose.yaml"), compose);
    await writeFile(join(home(), "work/dso.yaml"), "agent:\n  http: { listen: 127.0.0.1:9 }\n");
    expect((await dso("validate")).output).toMatch(/http.*not in this release.*dso\.yaml:2/);
  });

  it("names that also where there is no compose file to check", async () => {
    await writeFile(join(home(), "work/dso.yaml"), "agent:\n  http: { listen: 127.0.0.1:9 }\n");
    const session = createSession();
    await expect(runProgram(["validate"], session)).rejects.toThrow("no compose file");
    expect(session.written.output()).toContain("http is not in this release");
  });

  it("hands on how Docker Compose ended, a signal as a shell does", async () => {
    const plugins = join(home(), ".docker/cli-plugins");
    await mkdir(plugins, { recursive: true });
    const program =
      '#!/bin/sh\n[ "$1" = version ] && echo 2.40.3 && exit\nshift\n"$@"\nkill -TERM $$\n';
    await writeFile(join(plugins, "docker-compose"), program, { mode: 0o755 });
    expect((await dso("compose", "ps", "exit", "3")).code).toBe(3);
    expect((await dso("compose", "ps", "true")).code).toBe(143);
  });

  it("refuses standard input that is no text", async () => {
    const session = createSession();
    session.keyboard.type(Buffer.from(`${compose}# f\xfcr\n`, "latin1"));
    session.keyboard.end();
    await expect(runProgram(["-f", "-", "validate"], session)).rejects.toMatchObject({
      position: { file: "standard input", line: 7 },
    });
  });

  it("says where an engine was looked for when one is needed", async () => {
    await writeFile(join(home(), "work/compose.yaml"), "services: { web: { image: web:1 } }\n");
    const session = createSession();
    expect(await runProgram(["plan"], session)).toBe(1);
    expect(session.written.error()).toContain(`${home()}/none.sock`);
  });
});
