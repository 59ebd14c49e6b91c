/** Which program of a plugin is run, and which is not. */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { chmod, chown, mkdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, test } from "vitest";
import { DsoError } from "../../src/model/errors.ts";
import { makePlace } from "../../src/providers/plugin/place.ts";
import { copyVerified } from "../../src/providers/plugin/program.ts";
import { startChild } from "../../src/providers/plugin/child.ts";
import { distrustOf } from "../../src/providers/plugin/trust.ts";
import { temporaryDirectory } from "../fixtures/temporary.ts";
import { tinyDisk } from "../fixtures/tinyDisk.ts";

const isRoot = process.geteuid?.() === 0;
const PROGRAM = "#!/bin/sh\nexit 0\n";
const hashOf = (text: string): string => createHash("sha256").update(text).digest("hex");

let home: Awaited<ReturnType<typeof temporaryDirectory>>;
let directory: string;
let file: string;
let manifest: string;

const register = (sha256: unknown, name = "x"): Promise<void> =>
  writeFile(manifest, JSON.stringify({ plugins: { [name]: { sha256 } } }, undefined, 2));

beforeEach(async () => {
  home = await temporaryDirectory();
  directory = join(home.path, "plugins");
  [file, manifest] = [join(directory, "dso-provider-x"), join(directory, "manifest.json")];
  await mkdir(directory, { mode: 0o755 });
  await writeFile(file, PROGRAM, { mode: 0o755 });
  await register(hashOf(PROGRAM));
});

afterEach(() => home[Symbol.asyncDispose]());

const copy = (type = "x"): Promise<void> =>
  copyVerified({ provider: "team", type, directory }, join(home.path, "copy"));

async function refusal(): Promise<readonly [message: string, hint: string | undefined]> {
  const error: unknown = await copy().then(
    () => "not refused",
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof DsoError)) throw new Error(String(error));
  expect(error.code).toBe("config-invalid");
  return [error.message, error.hint];
}

test("the one that is registered is copied, for this user alone", async () => {
  await copy();
  expect(await readFile(join(home.path, "copy"), "utf8")).toBe(PROGRAM);
  expect((await stat(join(home.path, "copy"))).mode & 0o777).toBe(0o500);
});

test("a large one is the same, too", async () => {
  const large = "x".repeat(3_000_001);
  await writeFile(file, large);
  await register(hashOf(large).toUpperCase());
  await copy();
  expect(hashOf(await readFile(join(home.path, "copy"), "utf8"))).toBe(hashOf(large));
});

test.runIf(isRoot)("one for which there is no room says so", async () => {
  await using disk = await tinyDisk(4);
  const target = join(disk.path, "copy");
  await writeFile(file, "x".repeat(100_000));
  const copied = copyVerified({ provider: "team", type: "x", directory }, target);
  await expect(copied).rejects.toMatchObject({ code: "disk-full" });
});

describe("refused, with what to do, is", () => {
  it("one that is not there, or whose directory is not", async () => {
    for (const path of [file, directory]) {
      await rm(path, { recursive: true });
      const [message, hint] = await refusal();
      expect(message).toBe(
        `provider "team": its type "x" is none of DSO's own, and there is no ${file}`,
      );
      expect(hint).toContain("Correct providers.team.type in dso.yaml, or install that plugin");
    }
  });

  it("one with another hash, which says both, and where to correct it", async () => {
    await register(hashOf("other"));
    expect(await refusal()).toEqual([
      `provider "team": ${file} is not the program of the manifest: its SHA-256 is ${hashOf(PROGRAM)}, and ${hashOf("other")} was expected`,
      `Look who changed it. If it is the one that you mean (sha256sum ${file}), correct plugins.x.sha256 in line 4 of ${manifest}.`,
    ]);
  });

  it("one that is not executable", async () => {
    await chmod(file, 0o644);
    expect(await refusal()).toEqual([
      `provider "team": ${file} is not executable`,
      `Run: chmod 755 ${file}`,
    ]);
  });

  it("one without a manifest, or with none for it", async () => {
    const hint = expect.stringContaining(`what sha256sum ${file} says`) as unknown;
    for (const text of ["{", "[]", '{"plugins":null}', '{"plugins":{"x":{"sha256":"abc"}}}']) {
      await writeFile(manifest, text);
      const what = `provider "team": ${manifest} has no SHA-256 in hex for plugins.x`;
      expect(await refusal()).toEqual([what, hint]);
    }
    await register(hashOf(PROGRAM), "__proto__");
    expect((await refusal())[0]).toContain("has no SHA-256");
    await rm(manifest);
    expect(await refusal()).toEqual([`provider "team": there is no ${manifest}`, hint]);
  });

  it("what others may write: the program, the manifest, or a directory above", async () => {
    for (const path of [file, manifest, directory, home.path]) {
      const { mode } = await stat(path);
      for (const bit of [0o020, 0o002]) {
        await chmod(path, mode | bit);
        const [message, hint] = await refusal();
        expect(message).toContain(`${path} may be written by others (mode 0`);
        expect(hint).toBe(`Run: chmod go-w ${path}`);
      }
      await chmod(path, mode);
    }
    await expect(copy()).resolves.toBe(undefined);
  });

  it("a shared directory, such as /tmp, as the one of the plugins itself", async () => {
    await chmod(home.path, 0o1777);
    await copy();
    await chmod(directory, 0o1777);
    expect((await refusal())[0]).toContain(`${directory} may be written by others (mode 1777)`);
  });

  it("a link: the program, the manifest, or a directory above", async () => {
    for (const path of [file, manifest]) {
      const text = await readFile(path);
      await writeFile(`${path}.real`, text, { mode: 0o755 });
      await rm(path);
      await symlink(`${path}.real`, path);
      expect((await refusal())[0]).toContain(`${path} is a symbolic link`);
      await rm(path);
      await writeFile(path, text, { mode: 0o755 });
    }
    await symlink(home.path, join(home.path, "link"));
    directory = join(home.path, "link", "plugins");
    expect((await refusal())[0]).toContain("link is a symbolic link");
  });

  it("a directory or a pipe in its place", async () => {
    await rm(file);
    await mkdir(file);
    expect((await refusal())[0]).toContain(`${file} is no regular file`);
    await rm(file, { recursive: true });
    execFileSync("mkfifo", [file]);
    expect((await refusal())[0]).toContain(`${file} is no regular file`);
  });

  it("what belongs to neither root nor the user of dso", async () => {
    // As root all is ours; as anybody else only root can give it away, but we can ask as somebody else.
    if (isRoot) await chown(directory, 4242, 4242);
    expect(distrustOf(directory, 99_999)?.what).toMatch(/^belongs to user \d+$/);
    const { uid } = await stat(directory);
    expect(distrustOf(directory, uid)).toBe(undefined);
  });
});

describe("where it is run", () => {
  it("is a new private directory, which goes with what is in it", async () => {
    const base = join(home.path, "run", "plugins");
    const [one, other] = [makePlace("team", base), makePlace("team", base)];
    expect(one.path).not.toBe(other.path);
    expect((await stat(one.path)).mode & 0o777).toBe(0o700);
    await writeFile(join(one.path, "plugin"), "");
    one.remove();
    await expect(stat(one.path)).rejects.toThrow("ENOENT");
    expect((await stat(other.path)).isDirectory()).toBe(true);
  });

  it("is below no link, and says in one sentence what to do", async () => {
    await symlink(home.path, `${home.path}/link`);
    const hint = "Name the real directory; or set DSO_HOME to a directory of your own.";
    expect(() => makePlace("team", join(home.path, "link", "run"))).toThrow(
      expect.objectContaining({ hint }) as Error,
    );
  });

  it("is nowhere that another may rename", async () => {
    await chmod(home.path, 0o777);
    expect(() => makePlace("team", join(home.path, "run"))).toThrow(
      `provider "team": ${home.path} may be written by others (mode 0777), and its plugin is run from below it`,
    );
  });

  it.runIf(isRoot)("is told, where programs may not be run", async () => {
    execFileSync("mount", ["-t", "tmpfs", "-o", "noexec,size=1m", "tmpfs", home.path]);
    try {
      await mkdir(directory, { mode: 0o755 });
      await writeFile(file, PROGRAM, { mode: 0o755 });
      const found = await startChild({ program: file, directory, environment: {} });
      expect(found).toMatchObject({ hint: expect.stringContaining("noexec") as unknown });
    } finally {
      execFileSync("umount", [home.path]);
    }
  });
});
