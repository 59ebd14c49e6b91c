import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync } from "node:fs";
import { rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createShim } from "../../src/apply/memory/shim.ts";

const NAME = `shim-${process.arch === "arm64" ? "arm64" : "amd64"}`;
/** Answers as the shim does where it is given nothing to run; `calls` has a letter for each time. */
const program = (more = "") =>
  `#!/bin/sh\nprintf x >>"${join(top, "calls")}"\necho "dso: cannot run shim: ${more}" >&2\nexit 126\n`;
let top: string;
let release: string;
let directory: string;

beforeEach(() => {
  top = mkdtempSync(join(tmpdir(), "dso-shim-"));
  [release, directory] = [join(top, "release"), join(top, "home/shims")];
  mkdirSync(release);
});

afterEach(() => {
  rmSync(top, { recursive: true });
});

function released(content: string): ReturnType<typeof createShim> {
  writeFileSync(join(release, NAME), content);
  return createShim({ release, directory });
}

const calls = (): number => readFileSync(join(top, "calls"), "utf8").length;
const modeOf = (path: string): number => statSync(path).mode & 0o7777;

test("has none where the release was built without", () => {
  expect(createShim({ release, directory }).has()).toBe(false);
  writeFileSync(join(release, "shim-of-another-machine"), program());
  expect(createShim({ release, directory }).has()).toBe(false);
  expect(released(program()).has()).toBe(true);
  expect(existsSync(directory)).toBe(false);
});

test("is copied to where it outlives its release, for every user of a container to run", async () => {
  const path = await released(program()).place();
  expect(path).toMatch(new RegExp(`^${directory}/${NAME}-[0-9a-f]{16}$`));
  expect(readFileSync(path, "utf8")).toBe(program());
  expect([modeOf(path), modeOf(directory)]).toEqual([0o755, 0o700]);
  rmSync(release, { recursive: true });
  expect(readdirSync(directory)).toEqual([path.slice(directory.length + 1)]);
});

test("is written and tried once, however often and at once it is asked for", async () => {
  const shim = released(program());
  const paths = await Promise.all([shim.place(), shim.place(), shim.place()]);
  const { ino, mtimeMs } = statSync(paths[0]);
  const another = createShim({ release, directory });
  paths.push(await shim.place(), await another.place());
  expect(new Set(paths).size).toBe(1);
  expect(statSync(paths[0])).toMatchObject({ ino, mtimeMs });
  expect(readdirSync(directory)).toHaveLength(1);
  // Once by each.
  expect(calls()).toBe(2);
});

test("has another name in another release, whose containers keep theirs", async () => {
  const before = await released(program("one")).place();
  const after = await released(program("two")).place();
  expect(after).not.toBe(before);
  expect(readFileSync(before, "utf8")).toBe(program("one"));
});

describe.each(["by another process", "by the same"])("a copy that is wrong, found %s", (whose) => {
  test.each([
    ["cut off", (path: string) => writeFileSync(path, "")],
    ["another program", (path: string) => writeFileSync(path, program("other"))],
    ["not executable", (path: string) => chmodSync(path, 0o644)],
    ["writable for all", (path: string) => chmodSync(path, 0o777)],
    ["gone", (path: string) => rmSync(path)],
  ])("is put right: %s", async (_, damage) => {
    const first = released(program());
    const path = await first.place();
    damage(path);
    const shim = whose === "by the same" ? first : createShim({ release, directory });
    expect(await shim.place()).toBe(path);
    expect(readFileSync(path, "utf8")).toBe(program());
    expect(modeOf(path)).toBe(0o755);
  });
});

test("never writes through a link that stands in its place", async () => {
  const shim = released(program());
  const path = await shim.place();
  const victim = join(top, "victim");
  writeFileSync(victim, "kept");
  rmSync(path);
  symlinkSync(victim, path);
  await shim.place();
  expect(readFileSync(victim, "utf8")).toBe("kept");
  expect(readFileSync(path, "utf8")).toBe(program());
});

test.each([
  ["cannot be started", "#!/nowhere/at-all\n"],
  ["runs and is no shim", "#!/bin/sh\nexit 0\n"],
  ["is what a shell cannot run", "#!/bin/sh\necho 'cannot execute binary file' >&2\nexit 126\n"],
  ["is killed", "#!/bin/sh\nkill -KILL $$\n"],
])("is unusable where the copy %s, and is tried again the next time", async (_, content) => {
  const shim = released(content);
  const refusal = {
    code: "shim-unusable",
    hint: expect.stringMatching(/DSO_HOME.*noexec/) as string,
  };
  await expect(shim.place()).rejects.toMatchObject(refusal);
  await expect(shim.place()).rejects.toThrow(`${directory}/${NAME}-`);
  expect(await released(program()).place()).toContain(directory);
});
