/**
 * No value that DSO delivers as a file is anywhere but in memory. A project lives its whole life on
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
}, 600_000);

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
  const env = { ...process.env, DSO_ENGINE: "private", TMPDIR: "/var/tmp" };
  const args = ["--mount", "sh", "-c", script, "sh", disk, ...command];
  const child = spawn("unshare", args, { env, stdio: ["pipe", "pipe", "inherit"] });
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

const hidden = (findings: readonly string[]): readonly string[] =>
  findings.filter((finding) => !/^(exposed|planted|spoken|spokenBad)\b/.test(finding));

test("no value is seen while the project lives", () => {
  expect(hidden(report.findings)).toEqual([]);
});

test("no value is in any block of the disk", () => {
  expect(hidden(onDisk)).toEqual([]);
});

test("what a program printed into its own log is taken out wherever DSO shows or keeps it", () => {
  const spoken = report.findings.filter((finding) => finding.startsWith("spoken"));
  expect(spoken).toEqual([]);
  expect(onDisk).toEqual(expect.arrayContaining(["spoken", "spokenBad"]));
  expect(report.failures[1]).toMatch(/talker.*\[secret\]/);
  expect(report.failures[0]).toContain("runs as before");
});

test("the search finds what is there: an exposed variable and a planted file", () => {
  const controls = report.findings.filter((finding) => /^(exposed|planted)/.test(finding));
  expect(controls).toEqual(["exposed in environ", "exposed in inspect", "planted in home"]);
  expect(onDisk).toEqual(expect.arrayContaining(["exposed", "planted"]));
  for (const form of ["base64", "base64url", "hex"] as const) {
    const encoded = Buffer.from(`user:${values.token}`).toString(form);
    expect(createFinder(values)(Buffer.from(`…${encoded}…`))).toEqual(["token"]);
  }
  for (const encoded of [JSON.stringify(values.token), encodeURIComponent(values.token)])
    expect(createFinder(values)(Buffer.from(encoded))).toEqual(["token"]);
});

test("it looked everywhere", () => {
  const places = ["cmdline", "commit", "environ", "events", "export", "home", "inspect", "output"];
  expect(Object.keys(report.looked)).toEqual(expect.arrayContaining(places));
  expect(report.looked["cmdline"]).toBeGreaterThan(1000);
  expect(report.looked["inspect"]).toBeGreaterThan(40);
});
