import { execFileSync } from "node:child_process";
import {
  chmod,
  chown,
  mkdir,
  readdir,
  readFile,
  stat,
  symlink,
  writeFile,
  utimes,
} from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ensurePrivateDirectory, readPrivateFile, writeFileAtomic } from "../../src/lib/files.ts";
import { identify, markOf, type ProcessIdentity } from "../../src/lib/process.ts";
import { temporaryDirectory } from "../fixtures/temporary.ts";
import { tinyDisk } from "../fixtures/tinyDisk.ts";

const MKFIFO = "/usr/bin/mkfifo";
const isRoot = process.geteuid?.() === 0;

test("writes, replaces and reads back with mode 0600 and nothing left beside", async () => {
  await using dir = await temporaryDirectory();
  const path = join(dir.path, "state.json");
  expect(await readPrivateFile(path)).toBeUndefined();
  await writeFileAtomic(path, "one");
  await writeFileAtomic(path, Buffer.from("two"));
  expect((await readPrivateFile(path))?.toString()).toBe("two");
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  expect(await readdir(dir.path)).toEqual(["state.json"]);
});

test("replaces a link instead of writing through it", async () => {
  await using dir = await temporaryDirectory();
  const target = join(dir.path, "target");
  const path = join(dir.path, "link");
  await writeFile(target, "theirs");
  await symlink(target, path);
  await writeFileAtomic(path, "ours");
  expect(await readFile(target, "utf8")).toBe("theirs");
  expect((await readPrivateFile(path))?.toString()).toBe("ours");
});

test("a failed write leaves the old file and no temporary one", async () => {
  await using dir = await temporaryDirectory();
  const path = join(dir.path, "taken");
  await mkdir(join(path, "child"), { recursive: true });
  await expect(writeFileAtomic(path, "x")).rejects.toMatchObject({ code: "EISDIR" });
  expect(await readdir(dir.path)).toEqual(["taken"]);
});

test.runIf(isRoot)("a full disk is said to be full, and the old content stays", async () => {
  await using disk = await tinyDisk(64);
  const path = join(disk.path, "state");
  await writeFileAtomic(path, "old");
  await expect(writeFileAtomic(path, Buffer.alloc(200_000))).rejects.toMatchObject({
    code: "disk-full",
  });
  expect((await readPrivateFile(path))?.toString()).toBe("old");
  expect(await readdir(disk.path)).toEqual(["state"]);
});

test.runIf(isRoot)("a read-only file system is said to be one", async () => {
  await using dir = await temporaryDirectory();
  execFileSync("mount", ["-t", "tmpfs", "-o", "ro", "tmpfs", dir.path]);
  try {
    const code = "state-corrupt";
    const message = expect.stringContaining("read-only") as string;
    const hint = expect.stringContaining("DSO_HOME") as string;
    expect(() => {
      ensurePrivateDirectory(join(dir.path, "home"));
    }).toThrow(expect.objectContaining({ code, message, hint }));
    await expect(writeFileAtomic(join(dir.path, "state"), "x")).rejects.toMatchObject({
      ...{ code, message, hint },
    });
  } finally {
    execFileSync("umount", [dir.path]);
  }
});

test("what killed writers left goes with the next write, what living ones write does not", async () => {
  await using dir = await temporaryDirectory();
  const self = identify(process.pid);
  const named = (base: string, writer: ProcessIdentity): string =>
    `.${base}.${markOf(writer)}.0123456789ab.tmp`;
  const old = named("b.c", { ...self, bootId: "0" });
  const left = [named("a", { ...self, pid: 2 ** 22 + 1 }), old];
  // Another machine may write here, too, and anybody a name that no process can have.
  const foreign = [named("d", { ...self, bootId: "0" }), named("e", { ...self, pid: 2 ** 40 })];
  const kept = [...foreign, named("a", self), ".a.0123456789ab.tmp", ".a", "a.tmp"];
  for (const name of [...left, ...kept]) await writeFile(join(dir.path, name), "half");
  await utimes(join(dir.path, old), 0, 0);
  // Others may write into a directory that a user names: nothing is followed down there.
  const planted = named("planted", { ...self, startTime: "1" });
  await mkdir(join(dir.path, planted, "deep"), { recursive: true });
  await writeFileAtomic(join(dir.path, "c"), "whole");
  expect((await readdir(dir.path)).sort()).toEqual([...kept, planted, "c"].sort());
});

test("a name that is as long as names may be can be written", async () => {
  await using dir = await temporaryDirectory();
  const path = join(dir.path, "ä".repeat(127));
  await writeFileAtomic(path, "whole");
  expect(await readFile(path, "utf8")).toBe("whole");
});

test.each<[string, (path: string) => Promise<unknown> | undefined, string]>([
  ["a link", (path) => symlink("/etc/passwd", path), "symbolic link"],
  ["a file for all", (path) => writeFile(path, "", { mode: 0o644 }), "mode 0644"],
  ["a directory", (path) => mkdir(path), "no regular file"],
  ["a FIFO", async (path) => execFileSync(MKFIFO, ["-m", "600", path]), "no regular file"],
])("does not read %s", async (_name, make, message) => {
  await using dir = await temporaryDirectory();
  const path = join(dir.path, "x");
  await make(path);
  await expect(readPrivateFile(path)).rejects.toMatchObject({
    code: "state-corrupt",
    message: expect.stringContaining(message) as string,
  });
});

test("reads no more than it was told to expect", async () => {
  await using dir = await temporaryDirectory();
  const path = join(dir.path, "x");
  await writeFile(path, "12345", { mode: 0o600 });
  expect((await readPrivateFile(path, 5))?.toString()).toBe("12345");
  await expect(readPrivateFile(path, 4)).rejects.toMatchObject({
    code: "state-corrupt",
    message: `${path} has 5 bytes, and at most 4 are read`,
  });
});

test.runIf(isRoot)("does not trust what belongs to somebody else", async () => {
  await using dir = await temporaryDirectory();
  const path = join(dir.path, "x");
  await writeFile(path, "", { mode: 0o600 });
  await chown(path, 1234, 1234);
  await expect(readPrivateFile(path)).rejects.toThrow("belongs to user 1234");
  const other = join(dir.path, "d");
  await mkdir(other);
  await chown(other, 1234, 1234);
  expect(() => {
    ensurePrivateDirectory(other);
  }).toThrow("belongs to user 1234");
});

test("makes directories private, and takes bits away from those that are not", async () => {
  await using dir = await temporaryDirectory();
  const path = join(dir.path, "a", "b");
  ensurePrivateDirectory(path);
  expect((await stat(path)).mode & 0o777).toBe(0o700);
  expect((await stat(join(dir.path, "a"))).mode & 0o777).toBe(0o700);
  await chmod(path, 0o755);
  ensurePrivateDirectory(path, 0o750);
  expect((await stat(path)).mode & 0o777).toBe(0o750);
});

test("a link or a file is no directory, whatever it points to", async () => {
  await using dir = await temporaryDirectory();
  const link = join(dir.path, "link");
  await symlink(dir.path, link);
  const file = join(dir.path, "file");
  await writeFile(file, "");
  for (const wrong of [link, file]) {
    expect(() => {
      ensurePrivateDirectory(wrong);
    }).toThrow(expect.objectContaining({ code: "state-corrupt" }));
  }
});
