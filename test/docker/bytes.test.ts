import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { demultiplex } from "../../src/docker/demultiplex.ts";
import { lines } from "../../src/docker/lines.ts";
import { firstFile } from "../../src/docker/tar.ts";

/** The bytes of `whole` in pieces of these sizes, again and again. */
async function* inPieces(whole: Buffer, sizes: readonly number[]): AsyncGenerator<Buffer> {
  for (let at = 0, turn = 0; at < whole.length; turn += 1) {
    const size = sizes[turn % sizes.length] ?? 1;
    yield whole.subarray(at, at + size);
    at += size;
  }
}

const sizes = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 5 });

describe("demultiplex", () => {
  test("gives back every frame, however it is cut", async () => {
    const frames = fc.array(fc.tuple(fc.constantFrom(1, 2), fc.uint8Array({ maxLength: 50 })));
    await fc.assert(
      fc.asyncProperty(frames, sizes, async (sent, cut) => {
        const wire = sent.map(([stream, data]) => {
          const header = Buffer.from([stream, 0, 0, 0, 0, 0, 0, 0]);
          header.writeUInt32BE(data.length, 4);
          return Buffer.concat([header, data]);
        });
        const got: [number, number[]][] = [];
        for await (const { stream, data } of demultiplex(inPieces(Buffer.concat(wire), cut))) {
          got.push([stream === "stderr" ? 2 : 1, [...data]]);
        }
        expect(got).toEqual(sent.map(([stream, data]) => [stream, [...data]]));
      }),
    );
  });
});

test("demultiplex reads a frame of more than 64 KiB", async () => {
  const data = Buffer.alloc(70_000, "x");
  const header = Buffer.from([2, 0, 0, 0, 0, 0, 0, 0]);
  header.writeUInt32BE(data.length, 4);
  const found = demultiplex(inPieces(Buffer.concat([header, data]), [4096]));
  expect((await found.next()).value).toEqual({ stream: "stderr", data });
});

describe("lines", () => {
  test("keeps characters whole, however they are cut", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.stringMatching(/^[a-zä🙂]+$/u)), sizes, async (sent, cut) => {
        const got: string[] = [];
        const whole = Buffer.from(sent.join("\r\n"));
        for await (const line of lines(inPieces(whole, cut))) got.push(line);
        expect(got).toEqual(sent);
      }),
    );
  });
});

describe("firstFile", () => {
  function entry(type: string, data: string, link = ""): Buffer {
    const header = Buffer.alloc(512);
    header.write("name", 0);
    header.write(`${data.length.toString(8).padStart(11, "0")}\0`, 124);
    header.write(type, 156);
    header.write(link, 157);
    const padded = Buffer.alloc(Math.ceil(data.length / 512) * 512);
    padded.write(data);
    return Buffer.concat([header, padded]);
  }

  test("reads a regular file, after extended attributes too", () => {
    const file = entry("0", "hello");
    expect(firstFile(file)?.data?.toString()).toBe("hello");
    expect(firstFile(Buffer.concat([entry("x", "30 mtime=1"), file]))?.data?.toString()).toBe(
      "hello",
    );
  });

  test("tells where a link points, and nothing of a directory or of rubbish", () => {
    expect(firstFile(entry("2", "", "../etc/passwd"))).toEqual({ link: "../etc/passwd" });
    expect(firstFile(entry("5", ""))).toBeUndefined();
    expect(firstFile(Buffer.from("short"))).toBeUndefined();
  });
});
