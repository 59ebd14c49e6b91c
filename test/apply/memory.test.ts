import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, lstatSync, mkdirSync, mkdtempSync, readFileSync } from "node:fs";
import { readdirSync, readlinkSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { neverSwaps } from "../../src/apply/memory/memoryBase.ts";
import { createMemoryDelivery, type MemoryDeliveryOptions } from "../../src/apply/memory/memory.ts";
import { request } from "./deliveries.ts";

const never = new AbortController().signal;
const isRoot = process.geteuid?.() === 0;
let top: string;
let base: string;

const clock = { now: () => Date.now(), elapsed: () => 0, sleep: () => Promise.resolve() };
const random = () => {
  let count = 0;
  return { hex: (bytes: number) => (++count).toString(16).padStart(bytes * 2, "0") };
};

beforeEach(() => {
  top = mkdtempSync(join(tmpdir(), "dso-memory-"));
  base = join(top, "memory");
});

afterEach(() => {
  const mounted = readFileSync("/proc/self/mounts", "utf8").split("\n");
  const here = mounted.filter((line) => line.split(" ")[1] === base);
  // Lazily: a failed test may still hold a file.
  here.forEach(() => execFileSync("umount", ["-l", base]));
  rmSync(top, { recursive: true });
});

function options(more: Partial<MemoryDeliveryOptions> = {}): MemoryDeliveryOptions {
  return {
    uid: process.geteuid?.() ?? 0,
    base,
    stateDir: join(top, "state"),
    sizeMiB: 2,
    clock,
    random: random(),
    ...more,
  };
}

test("tells which generations are gone, by where their containers read them", async () => {
  const delivery = createMemoryDelivery(options());
  const [here, elsewhere] = [join(top, "here"), join(top, "elsewhere")];
  mkdirSync(join(here, "aa"), { recursive: true });
  const sources = new Map([
    ["aa", `${here}/aa/files`],
    ["bb", `${here}/bb/single/0`],
    ["cc", `${elsewhere}/cc/files`],
  ]);
  expect([...(await delivery.lost(sources, never))].sort()).toEqual(["bb", "cc"]);
  expect(existsSync(base)).toBe(false);
});

describe.runIf(isRoot)("as root", () => {
  test("delivers files that only the owner can read, below our own mount", async () => {
    const delivery = createMemoryDelivery(options());
    const generation = await delivery.deliver(
      request({ "/run/secrets/db/password": "hunter2", "/run/secrets/token": "abc" }),
      never,
    );
    const files = join(base, generation.id, "files");
    expect(readFileSync(join(files, "db/password"), "utf8")).toBe("hunter2");
    expect(readlinkSync(join(files, "db"))).toBe("..data/db");
    const stat = statSync(join(files, "db/password"));
    expect([stat.mode & 0o7777, stat.uid, stat.gid]).toEqual([0o400, 1000, 1001]);
    expect(statSync(join(files, "..data/db")).mode & 0o777).toBe(0o755);
    expect(generation.mounts).toEqual([
      { Type: "bind", Source: files, Target: "/run/secrets", ReadOnly: true, BindOptions: {} },
    ]);
    expect(generation.grade).toBe("file");
    const mount = readFileSync("/proc/self/mounts", "utf8")
      .split("\n")
      .find((line) => line.split(" ")[1] === base);
    expect(mount).toMatch(/ tmpfs .*nosuid,nodev,noexec.*size=2048k,mode=700/);
    expect(statSync(base).mode & 0o777).toBe(0o700);
  });

  test("takes mode and owner from the options of the file", async () => {
    const delivery = createMemoryDelivery(options());
    const { id } = await delivery.deliver(
      request({ "/run/secrets/a": "x" }, { mode: 0o440, uid: 7, gid: 8 }),
      never,
    );
    const stat = statSync(join(base, id, "files/a"));
    expect([stat.mode & 0o7777, stat.uid, stat.gid]).toEqual([0o440, 7, 8]);
    expect((await delivery.manifest(id, never))?.files).toEqual([
      { target: "/run/secrets/a", mode: "0440", uid: 7, gid: 8, values: [] },
    ]);
  });

  test("binds targets outside /run/secrets one by one", async () => {
    const delivery = createMemoryDelivery(options());
    const { id, mounts } = await delivery.deliver(request({ "/etc/app.conf": "k=v" }), never);
    expect(mounts).toEqual([
      {
        Type: "bind",
        Source: join(base, id, "single/0"),
        Target: "/etc/app.conf",
        ReadOnly: true,
        BindOptions: {},
      },
    ]);
    expect(readFileSync(join(base, id, "single/0"), "utf8")).toBe("k=v");
    expect(lstatSync(join(base, id, "single/0")).isFile()).toBe(true);
  });

  test("refresh swaps in one step and keeps ten old versions for slow readers", async () => {
    const delivery = createMemoryDelivery(options());
    const { id } = await delivery.deliver(
      request({ "/run/secrets/a": "0", "/run/secrets/gone": "x" }),
      never,
    );
    const files = join(base, id, "files");
    for (let version = 1; version <= 15; version++) {
      await delivery.refresh(id, request({ "/run/secrets/a": String(version) }), never);
      expect(readFileSync(join(files, "a"), "utf8")).toBe(String(version));
    }
    expect(existsSync(join(files, "gone"))).toBe(false);
    const kept = readdirSync(files).filter((name) => /^\.\.\d+$/.test(name));
    expect(kept).toHaveLength(11);
    expect(readFileSync(join(files, "..6/a"), "utf8")).toBe("5");
  });

  test("a directory of which a reader holds a handle is overwritten when dropped", async () => {
    const delivery = createMemoryDelivery(options());
    const { id } = await delivery.deliver(request({ "/run/secrets/a": "hunter2" }), never);
    const { open } = await import("node:fs/promises");
    const held = await open(join(base, id, "files/a"), "r");
    await delivery.drop(id, never);
    expect(await held.readFile()).toEqual(Buffer.alloc("hunter2".length));
    await held.close();
    expect(existsSync(join(base, id))).toBe(false);
    expect(readdirSync(join(top, "state/generations"))).toEqual([]);
    expect((await delivery.manifests("shop")).size).toBe(0);
    await delivery.drop(id, never);
  });

  test("sweeps what no container owns, of this project alone", async () => {
    const delivery = createMemoryDelivery(options());
    const [kept, loose, foreign] = [
      await delivery.deliver(request({ "/run/secrets/a": "1" }), never),
      await delivery.deliver(request({ "/run/secrets/a": "2" }), never),
      await delivery.deliver({ ...request({ "/run/secrets/a": "3" }), project: "blog" }, never),
    ];
    // A mirror whose memory a reboot has emptied.
    rmSync(join(base, kept.id), { recursive: true });
    expect(await delivery.manifest(kept.id, never)).toMatchObject({ project: "shop" });
    const told = await delivery.manifests("shop");
    expect([...told.keys()].sort()).toEqual([kept.id, loose.id].sort());
    expect(told.get(kept.id)).toMatchObject({ versions: { "local:db#password": "3" } });
    expect(await delivery.sweep("shop", new Set([kept.id]), never)).toEqual([loose.id]);
    expect(await delivery.sweep("shop", new Set(), never)).toEqual([kept.id]);
    expect(existsSync(join(base, foreign.id))).toBe(true);
  });

  test("leaves another home a minute to make the container of what it has delivered", async () => {
    const theirs = createMemoryDelivery(options({ stateDir: join(top, "other") }));
    const { id } = await theirs.deliver(request({ "/run/secrets/a": "1" }), never);
    const { mtimeMs } = statSync(join(base, id));
    const sweepAt = async (now: number): Promise<readonly string[]> => {
      const later = { now: () => now, elapsed: () => 0, sleep: () => Promise.resolve() };
      const delivery = createMemoryDelivery(options({ clock: later }));
      // Nothing is looked at before the directory is in use.
      await delivery.ensureRoom(1, never);
      return delivery.sweep("shop", new Set(), never);
    };
    expect(await sweepAt(mtimeMs + 59_000)).toEqual([]);
    expect(await sweepAt(mtimeMs + 61_000)).toEqual([id]);
  });

  test("a full directory is found before anything is written, and leaves nothing", async () => {
    const delivery = createMemoryDelivery(options());
    await delivery.ensureRoom(512 * 1024, never);
    await expect(delivery.ensureRoom(4 * 1024 * 1024, never)).rejects.toMatchObject({
      code: "memory-full",
    });
    const large = request({ "/run/secrets/a": "x".repeat(3 * 1024 * 1024) });
    await expect(delivery.deliver(large, never)).rejects.toMatchObject({ code: "memory-full" });
    expect(readdirSync(base)).toEqual([]);
    // No room for the first thing that is written, either.
    execFileSync("sh", ["-c", `head -c 9m /dev/zero >${base}/filler || true`], { stdio: "ignore" });
    const hint = expect.stringContaining("remount") as string;
    const small = delivery.deliver(request({ "/run/secrets/a": "1" }), never);
    await expect(small).rejects.toMatchObject({ code: "memory-full", hint });
    expect(readdirSync(base)).toEqual(["filler"]);
  });

  test("mounts once for two that begin at the same time", async () => {
    const deliveries = [1, 2, 3].map(() => createMemoryDelivery(options()));
    await Promise.all(deliveries.map((delivery) => delivery.ensureRoom(1, never)));
    const mounts = readFileSync("/proc/self/mounts", "utf8").split("\n");
    expect(mounts.filter((line) => line.split(" ")[1] === base)).toHaveLength(1);
  });

  test("mounts without noswap, and says so, where the kernel does not know it", async () => {
    const asked: string[] = [];
    const delivery = createMemoryDelivery(
      options({
        mount: async (target, given) => {
          asked.push(given);
          if (given.includes("noswap")) throw new Error("bad option");
          execFileSync("mount", ["-t", "tmpfs", "-o", given, "dso", target]);
          return Promise.resolve();
        },
      }),
    );
    const { warnings } = await delivery.deliver(request({ "/run/secrets/a": "1" }), never);
    expect(asked).toHaveLength(2);
    expect(warnings).toEqual([expect.stringContaining("swap")]);
  });

  test("refuses a directory on a disk", async () => {
    const delivery = createMemoryDelivery(options({ mount: () => Promise.resolve() }));
    await expect(delivery.ensureRoom(1, never)).rejects.toMatchObject({
      code: "memory-unsafe",
      message: expect.stringContaining("on a disk") as string,
    });
  });

  test("refuses parents that somebody else may change, and symbolic links", async () => {
    const open = join(top, "open");
    mkdirSync(open);
    chmodSync(open, 0o777);
    const inOpen = createMemoryDelivery(options({ base: join(open, "memory") }));
    await expect(inOpen.ensureRoom(1, never)).rejects.toMatchObject({
      code: "memory-unsafe",
      message: expect.stringContaining("written by others") as string,
    });
    symlinkSync(top, join(top, "link"));
    const behindLink = createMemoryDelivery(options({ base: join(top, "link", "memory") }));
    await expect(behindLink.ensureRoom(1, never)).rejects.toMatchObject({
      message: expect.stringContaining("symbolic link") as string,
    });
  });

  test("mounts over nothing that a symbolic link leads to", async () => {
    mkdirSync(join(top, "elsewhere"));
    writeFileSync(join(top, "elsewhere", "data"), "x");
    symlinkSync(join(top, "elsewhere"), base);
    const delivery = createMemoryDelivery(options());
    await expect(delivery.ensureRoom(1, never)).rejects.toMatchObject({ code: "memory-unsafe" });
    expect(existsSync(join(top, "elsewhere", "data"))).toBe(true);
  });

  test("a generation that is named from outside cannot lead elsewhere", async () => {
    const delivery = createMemoryDelivery(options());
    writeFileSync(join(top, "precious"), "x");
    await delivery.drop("../precious", never);
    expect(existsSync(join(top, "precious"))).toBe(true);
    expect(await delivery.manifest("../../etc/passwd", never)).toBeUndefined();
  });

  test("for another user: below the runtime directory, readable inside the container, with a warning", async () => {
    mkdirSync(base);
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=1m,mode=0755", "dso", base]);
    const runtimeDir = join(base, "user");
    mkdirSync(runtimeDir, { mode: 0o700 });
    const { chownSync } = await import("node:fs");
    chownSync(runtimeDir, 4242, 4242);
    mkdirSync(join(runtimeDir, "dso"), { mode: 0o755 });
    chownSync(join(runtimeDir, "dso"), 4242, 4242);
    const unplaced = { stateDir: join(top, "state"), clock, random: random() };
    const delivery = createMemoryDelivery({ ...unplaced, uid: 4242, runtimeDir });
    const { id, warnings } = await delivery.deliver(request({ "/run/secrets/a": "1" }), never);
    expect(statSync(join(runtimeDir, "dso")).mode & 0o777).toBe(0o700);
    expect(statSync(join(runtimeDir, "dso", id, "files/a")).mode & 0o777).toBe(0o444);
    expect(warnings).toContainEqual(expect.stringContaining("without root"));

    const named = join(runtimeDir, "dso", "named");
    mkdirSync(named, { mode: 0o700 });
    chownSync(named, 4242, 4242);
    const there = createMemoryDelivery(options({ uid: 4242, runtimeDir, base: named }));
    const placed = await there.deliver(request({ "/run/secrets/a": "1" }), never);
    expect(existsSync(join(named, placed.id))).toBe(true);
  });
});

describe("neverSwaps", () => {
  const line = (point: string, type: string, options: string) =>
    `30 25 0:27 / ${point} rw,relatime shared:3 - ${type} src ${options}`;

  test.each([
    [[line("/", "ext4", "rw"), line("/run/dso", "tmpfs", "rw,noswap")], true],
    [[line("/", "ext4", "rw"), line("/run/dso", "tmpfs", "rw")], false],
    [[line("/run/dso", "tmpfs", "rw,noswap"), line("/run/dso", "tmpfs", "rw")], false],
    [[line("/run/d", "tmpfs", "rw,noswap")], false],
    [[line("/run", "ramfs", "rw")], true],
  ])("%j", (mounts, expected) => {
    expect(neverSwaps(mounts.join("\n"), "/run/dso")).toBe(expected);
  });
});
