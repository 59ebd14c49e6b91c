/**
 * No value that DSO delivers is anywhere but in memory, however it is delivered. A project lives its whole life on
 * an engine whose data, and DSO's own, lie on a disk made for that; then every block of it is read.
 */
import { execFile, spawn } from "node:child_process";
import { open, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { promisify } from "node:util";
import { beforeAll, expect, test } from "vitest";
import { temporaryDirectory } from "../fixtures/temporary.ts";
import { ROOT } from "./cli.ts";
import type { Report } from "./leak/hunt.ts";
import { createFinder, createValues, type Values } from "./leak/values.ts";

const MIB = 1024 * 1024;
const DISK_MIB = 512;

const values = createValues();
let report: Report;
let onDisk: readonly string[];

beforeAll(async () => {
  await using directory = await temporaryDirectory();
  const disk = join(directory.path, "disk");
  await makeDisk(disk);
  report = await huntOn(disk, values);
  onDisk = await searchBlocks(disk, values);
}, 900_000);

async function makeDisk(path: string): Promise<void> {
  await writeFile(path, "");
  await truncate(path, DISK_MIB * MIB);
  await promisify(execFile)("mkfs.ext4", ["-q", "-F", path]);
}

/** An engine in namespaces of its own, all it writes, and all that the test writes, on that disk. */
async function huntOn(disk: string, given: Values): Promise<Report> {
  const script = 'mount -o loop "$1" /var/tmp && shift && exec "$@"';
  const command = [
    join(ROOT, "script/engine"),
    process.execPath,
    join(ROOT, "test/e2e/leak/hunt.ts"),
  ];
  // Of the release that the suite runs on, but never the machine's own.
  const engine = process.env["DSO_ENGINE"] === "newest" ? "newest" : "private";
  const env = { ...process.env, DSO_ENGINE: engine, TMPDIR: "/var/tmp" };
  const args = ["--mount", "sh", "-c", script, "sh", disk, ...command];
  // It reads whole disks: whatever is measured beside it goes first.
  const polite = ["-n", "5", "unshare", ...args];
  const child = spawn("nice", polite, { env, stdio: ["pipe", "pipe", "inherit"] });
  child.stdin.end(JSON.stringify(given));
  const said = await text(child.stdout);
  if (said === "") throw new Error("the hunt failed; what it said is above");
  return JSON.parse(said) as Report;
}

/** Names of the values that are in the blocks of the disk, used or free. */
async function searchBlocks(path: string, given: Values): Promise<readonly string[]> {
  const find = createFinder(given);
  const overlap = 256;
  const chunk = Buffer.alloc(4 * MIB + overlap);
  const found = new Set<string>();
  const file = await open(path);
  try {
    for (let at = 0; at < DISK_MIB * MIB; at += 4 * MIB) {
      const { bytesRead } = await file.read(chunk, 0, chunk.length, at);
      for (const name of find(chunk.subarray(0, bytesRead))) found.add(name);
    }
  } finally {
    await file.close();
  }
  return [...found].sort();
}

/** In the open by the test's own wish, or printed by a program into its own log or healthcheck. */
const OPEN = new Set(["exposed", "planted"]);
const SAID = new Set([
  "part",
  "spoken",
  "spokenBad",
  "sealedBad",
  "shelledBad",
  "doubtful",
  "doubtfulBad",
]);

/** Of `value in place`; what is in the variables of a container's own program is where it belongs. */
const hidden = (findings: readonly string[]): readonly string[] =>
  findings.filter((finding) => {
    const [name = "", place] = finding.split(" in ");
    return !OPEN.has(name) && place !== "program" && !isOwnCheck(name, place);
  });

/** The engine shows what a healthcheck printed. */
function isOwnCheck(name: string, place: string | undefined): boolean {
  return name.startsWith("doubtful") && place === "inspect";
}

test("no value is seen while the project lives, nor in what DSO shows or keeps of a program's words", () => {
  expect(hidden(report.findings)).toEqual([]);
});

test("no value is in any block of the disk but what a program printed", () => {
  expect(onDisk.filter((name) => !OPEN.has(name) && !SAID.has(name))).toEqual([]);
});

test("what a program printed into its own log is taken out wherever DSO shows it", () => {
  const { failures } = report;
  expect(failures["printed"]).toBe("true");
  expect(failures["quiet"]).toContain("runs as before");
  expect(failures["spoken"]).toMatch(/talker.*\[secret\]/);
  expect(failures["doubtful"]).toMatch(/did not become healthy: \[secret\]/);
  expect(failures["agent"]).toMatch(/PASSWORD=\[secret\]/);
  expect(failures["shelled"]).toMatch(/^by the shell\n[^]*PASSWORD=\[secret\]/);
});

test("the search finds what is there: an exposed variable and a planted file", () => {
  const { findings, quoted } = report;
  const controls = findings.filter((finding) => /^(exposed|planted) /.test(finding));
  expect(controls).toEqual(["exposed in inspect", "exposed in program", "planted in home"]);
  const sealed = ["sealed in program", "shelled in program", "part in program"];
  expect(findings).toEqual(expect.arrayContaining(sealed));
  expect(quoted).toBeGreaterThan(2);
  expect(onDisk).toEqual(expect.arrayContaining(["exposed", "planted"]));
  for (const form of ["base64", "base64url", "hex"] as const) {
    const encoded = Buffer.from(`user:${values.token}`).toString(form);
    expect(createFinder(values)(Buffer.from(`…${encoded}…`))).toEqual(["token"]);
  }
  for (const encoded of [JSON.stringify(values.token), encodeURIComponent(values.token)])
    expect(createFinder(values)(Buffer.from(encoded))).toEqual(["token"]);
});

test("it looked everywhere", () => {
  const { looked, engine } = report;
  const places = ["agent", "cmdline", "commit", "diff", "environ", "events", "export", "history"];
  places.push("home", "inspect", "output", "program", "temporary", "top");
  expect(Object.keys(looked)).toEqual(expect.arrayContaining(places));
  expect(looked["cmdline"]).toBeGreaterThan(1000);
  expect(looked["inspect"]).toBeGreaterThan(40);
  expect(looked["output"]).toBeGreaterThan(80);
  const counts = places.map((place) => `${place} ${looked[place] ?? 0}`).join(", ");
  const many = Object.keys(values).length;
  process.stdout.write(
    `leak hunt, Docker ${engine}: ${many} values; looked at ${counts}; ${DISK_MIB} MiB of blocks, ${onDisk.length} found there\n`,
  );
});
