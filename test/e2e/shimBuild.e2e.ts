/** The static program that brings sealed variables: how it is built, and what its memory tells. */
import { execFileSync } from "node:child_process";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { compileShims } from "../../script/shim.ts";
import { createShim } from "../../src/apply/memory/shim.ts";
import {
  CANARY,
  entries,
  NATIVE,
  openWorkshop,
  run,
  SHIMS,
  whereIs,
  type Workshop,
} from "./shimRun.ts";

const SEED = Number(process.env["DSO_SHIM_SEED"] ?? 1);
const ROUNDS = 40_000;

let shop: Workshop;

beforeAll(async () => {
  shop = await openWorkshop();
});

afterAll(() => shop[Symbol.asyncDispose]());

test("merges as a slow and simple reading says, without an error of memory or arithmetic", async () => {
  const fuzzer = await shop.fuzzer();
  for (const seed of [SEED, SEED + 1]) {
    const { code, stdout, stderr } = await run([fuzzer, String(seed), String(ROUNDS)]);
    expect({ code, stderr, stdout: stdout.toString() }).toMatchObject({ code: 0, stderr: "" });
    const [merged, damaged] = stdout.toString().match(/\d+/g)!.map(Number);
    expect(Math.min(merged!, damaged!)).toBeGreaterThan(ROUNDS / 10);
  }
});

test("touches no memory that is not its own, on any of its ways", async () => {
  const log = join(shop.directory, "valgrind");
  const many = Object.fromEntries(
    Array.from({ length: 500 }, (_, index) => [`V${index % 400}`, "x".repeat(index)]),
  );
  const full = await shop.file("many", entries(many));
  const damaged = await shop.file("damaged", `SECRET=${CANARY}`);
  const around = { env: { PATH: "/nowhere::/bin", V1: "own", HOME: "/" }, cwd: "/" };
  for (const args of [
    [full, "cat", "/dev/null"],
    [full, "none"],
    [damaged, "cat"],
    ["/none", "cat"],
    [full],
    [],
  ]) {
    await shop.file("valgrind", "");
    const wrapped = [whereIs("valgrind"), "-q", "--error-exitcode=99", `--log-file=${log}`];
    const { code } = await run([...wrapped, ...shop.command(NATIVE), ...args], around);
    expect([0, 126, 127]).toContain(code);
    expect(await readFile(log, "utf8")).toBe("");
  }
});

test("is small, static, without a writable program, and the same bytes from each build", async () => {
  const [one, other] = [await compileShims(), await compileShims()];
  expect([...one.keys()]).toEqual(SHIMS);
  for (const [architecture, bytes] of one) {
    expect(other.get(architecture)?.equals(bytes)).toBe(true);
    expect(bytes.length).toBeLessThan(8 * 1024);
    const headers = Array.from({ length: bytes.readUInt16LE(56) }, (_, index) => {
      const at = Number(bytes.readBigUInt64LE(32)) + index * bytes.readUInt16LE(54);
      return { type: bytes.readUInt32LE(at), flags: bytes.readUInt32LE(at + 4) };
    });
    expect(bytes.readUInt16LE(18)).toBe(architecture === "amd64" ? 62 : 183);
    // Of a fixed place, and of nothing but what is loaded (1) and the stack's rights: no dynamic section, no interpreter.
    expect(bytes.readUInt16LE(16)).toBe(2);
    expect(new Set(headers.map(({ type }) => type))).toEqual(new Set([1, 0x6474e551]));
    expect(headers.some(({ flags }) => (flags & 3) === 3)).toBe(false);
    expect(bytes.toString("latin1")).not.toContain(shop.directory.slice(0, 5));
  }
});

test("is refused where its copy may not be executed", async () => {
  const directory = join(shop.directory, "noexec");
  await mkdir(directory);
  execFileSync("mount", ["-t", "tmpfs", "-o", "noexec", "tmpfs", directory]);
  try {
    await shop.file(`shim-${NATIVE}`, (await compileShims()).get(NATIVE)!, 0o755);
    const shim = createShim({ release: shop.directory, directory: join(directory, "shims") });
    await expect(shim.place()).rejects.toMatchObject({ code: "shim-unusable" });
  } finally {
    execFileSync("umount", [directory]);
  }
});
