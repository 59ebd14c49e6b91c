import { execFileSync } from "node:child_process";
import { renameSync } from "node:fs";
import { truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import {
  lineOfInvalidUtf8,
  readFault,
  readNamedFile,
  readStoredFile,
} from "../../src/lib/namedFile.ts";
import { temporaryDirectory } from "../fixtures/temporary.ts";

const never = new AbortController().signal;

async function faultOf(read: () => unknown): Promise<string | undefined> {
  try {
    await read();
  } catch (error) {
    return readFault(error);
  }
  throw new Error("it was read");
}

describe("a file that somebody names", () => {
  it("is the one that was looked at, also where its name is another's meanwhile", async () => {
    await using dir = await temporaryDirectory();
    const [path, other] = [join(dir.path, "file"), join(dir.path, "other")];
    await writeFile(path, "first", { mode: 0o640 });
    await writeFile(other, "second", { mode: 0o600 });
    let mode = 0;
    const bytes = readStoredFile(path, (stat) => {
      mode = stat.mode & 0o777;
      renameSync(other, path);
    });
    expect([mode, bytes.toString()]).toEqual([0o640, "first"]);
  });

  it("is read whole, also where it has more than its size says", async () => {
    await using dir = await temporaryDirectory();
    const path = join(dir.path, "file");
    await writeFile(path, "text");
    expect((await readNamedFile(path, never)).toString()).toBe("text");
    expect(readStoredFile(path).toString()).toBe("text");
    await writeFile(path, "");
    expect(readStoredFile(path).length).toBe(0);
    expect(readStoredFile("/proc/self/status").toString()).toContain("PPid");
    expect(readStoredFile("/dev/null").length).toBe(0);
  });

  it("is refused in words where it has no end, is too large or is none", async () => {
    await using dir = await temporaryDirectory();
    const path = join(dir.path, "file");
    await writeFile(path, "");
    await truncate(path, 17 * 1024 * 1024);
    for (const [file, why] of [
      ["/dev/zero", "has more than 16 MiB"],
      [path, "has more than 16 MiB"],
      [dir.path, "is a directory"],
      [join(path, "x"), "does not exist"],
      ["a\0b", "cannot be read: there is a NUL byte in the name"],
    ] as const) {
      expect(await faultOf(() => readNamedFile(file, never))).toBe(why);
      expect(await faultOf(() => readStoredFile(file))).toBe(why);
    }
  });

  it("holds nobody where it is a pipe that nobody writes to", async () => {
    await using dir = await temporaryDirectory();
    const pipe = join(dir.path, "pipe");
    execFileSync("mkfifo", [pipe]);
    const stop = new AbortController();
    const reading = readNamedFile(pipe, stop.signal);
    stop.abort(new Error("enough"));
    await expect(reading).rejects.toThrow("enough");
    expect(await faultOf(() => readStoredFile(pipe))).toContain("is a pipe");
  });
});

it("finds the first line that is not UTF-8", () => {
  expect(lineOfInvalidUtf8(Buffer.from("ä\n€\n𝄞"))).toBeUndefined();
  expect(lineOfInvalidUtf8(Buffer.from("ä\nb\xe4\nc\xe4\n", "latin1"))).toBe(1);
  expect(lineOfInvalidUtf8(Buffer.from("a\nb\xe4\nc\xe4\n", "latin1"))).toBe(2);
  expect(lineOfInvalidUtf8(Buffer.from("a\n\nb\xe4", "latin1"))).toBe(3);
});
