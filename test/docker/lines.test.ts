import { expect, test } from "vitest";
import { lines } from "../../src/docker/lines.ts";

async function linesOf(chunks: Iterable<string>, longest?: number): Promise<readonly string[]> {
  async function* stream(): AsyncGenerator<Buffer> {
    for (const chunk of chunks) yield await Promise.resolve(Buffer.from(chunk));
  }
  const found: string[] = [];
  for await (const line of lines(stream(), longest)) found.push(line);
  return found;
}

test("lines come whole, however they were cut, and without their ends", async () => {
  expect(await linesOf(["a\r\nb", "c", "\n\n \nd\ne"])).toEqual(["a", "bc", "d", "e"]);
});

test("a line that does not end takes neither time nor room", async () => {
  function* endless(): Generator<string> {
    const chunk = "x".repeat(65_536);
    for (let i = 0; i < 10_000; i++) yield chunk;
    yield "\nlast";
  }
  expect(await linesOf(endless(), 5)).toEqual(["xxxxx…", "last"]);
});
