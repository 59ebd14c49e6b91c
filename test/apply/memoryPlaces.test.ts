import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createMemoryDelivery } from "../../src/apply/memory/memory.ts";
import type { Delivery } from "../../src/model/delivery.ts";
import { request } from "./deliveries.ts";

const never = new AbortController().signal;
const isRoot = process.geteuid?.() === 0;
let top: string;
let base: string;

beforeEach(() => {
  top = mkdtempSync(join(tmpdir(), "dso-memory-"));
  base = join(top, "memory");
});

afterEach(() => {
  const mounted = readFileSync("/proc/self/mounts", "utf8").split("\n");
  const here = mounted.flatMap((line) => line.split(" ")[1] ?? []);
  // What is mounted on a mount goes first.
  const ours = here.filter((at) => at.startsWith(top)).reverse();
  ours.forEach((at) => execFileSync("umount", ["-l", at]));
  rmSync(top, { recursive: true });
});

function deliveryBelow(path: string): Delivery {
  let count = 0;
  const random = { hex: (bytes: number) => (++count).toString(16).padStart(bytes * 2, "0") };
  const clock = { now: () => Date.now(), elapsed: () => 0, sleep: () => Promise.resolve() };
  const stateDir = join(top, "state");
  return createMemoryDelivery({ uid: 0, base: path, stateDir, sizeMiB: 2, clock, random });
}

describe.runIf(isRoot)("directories in memory", () => {
  test("drops a directory that lies where DSO_MEMORY_DIR was before", async () => {
    const { id } = await deliveryBelow(base).deliver(
      request({ "/run/secrets/a": "hunter2" }),
      never,
    );
    const elsewhere = join(base, "other");
    const delivery = deliveryBelow(elsewhere);
    expect(existsSync(join(base, id, "files"))).toBe(true);
    await delivery.drop(id, never);
    execFileSync("umount", [elsewhere]);
    expect(existsSync(join(base, id))).toBe(false);
    expect(readdirSync(join(top, "state/generations"))).toEqual([]);
  });

  test("erases nothing that a mirror names and that is no generation", async () => {
    const delivery = deliveryBelow(base);
    const { id } = await delivery.deliver(request({ "/run/secrets/a": "1" }), never);
    const mirror = join(top, "state/generations/shop", `${id}.json`);
    const text = readFileSync(mirror, "utf8");
    const plain = join(top, id);
    mkdirSync(plain);
    writeFileSync(join(plain, "manifest.json"), text, { mode: 0o600 });
    const other = join(base, "other");
    mkdirSync(other);
    for (const path of [plain, other, "/nowhere"]) {
      mkdirSync(dirname(mirror), { recursive: true });
      writeFileSync(mirror, text.replace(join(base, id), path), { mode: 0o600 });
      await delivery.drop(id, never);
    }
    expect([existsSync(plain), existsSync(other)]).toEqual([true, true]);
  });

  test("goes back to the very files that it is told of, however often", async () => {
    const delivery = deliveryBelow(base);
    const { id } = await delivery.deliver(request({ "/run/secrets/a": "good" }), never);
    const read = (): string => readFileSync(join(base, id, "files/a"), "utf8");
    const first = (await delivery.reading(id, never))!;
    const versions = { "local:db#password": "3" };
    // More of them than are kept for slow readers.
    for (const bad of Array.from({ length: 14 }, (_, index) => `bad ${index}`)) {
      const more = {
        ...request({ "/run/secrets/a": bad }),
        versions: { "local:db#password": "4" },
      };
      await delivery.refresh(id, more, never);
      expect([read(), await delivery.reading(id, never)]).not.toEqual(["good", first]);
      await delivery.revert(id, first, versions, never);
      await delivery.revert(id, first, versions, never);
      expect([read(), await delivery.reading(id, never)]).toEqual(["good", first]);
      expect(await delivery.manifest(id, never)).toMatchObject({ versions });
    }
    await expect(delivery.revert(id, "..99", versions, never)).rejects.toMatchObject({
      code: "rollback-failed",
    });
    await delivery.drop(id, never);
    expect(await delivery.reading(id, never)).toBeUndefined();
  });
});
