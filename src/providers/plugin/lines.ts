/** Lines of a stream, of a bounded length. */
import type { Readable } from "node:stream";

const NEWLINE = 0x0a;

export interface LineReader {
  /** Without its newline, overwritten when this returns: there may be values in it. */
  readonly line: (bytes: Buffer) => void;
  /** A line is longer than what is allowed. */
  readonly tooLong: () => void;
}

/** What is left at the end without a newline: how many bytes it has. */
export function readLines(stream: Readable, maxBytes: number, reader: LineReader): () => number {
  const parts: Buffer[] = [];
  let size = 0;
  const take = (part: Buffer): void => {
    parts.push(part);
    size += part.length;
  };
  const give = (): void => {
    const [only] = parts;
    const line = parts.length === 1 && only !== undefined ? only : Buffer.concat(parts);
    const taken = parts.splice(0);
    size = 0;
    try {
      if (line.length > 0) reader.line(line);
    } finally {
      for (const part of [...taken, line]) part.fill(0);
    }
  };
  stream.on("data", (chunk: Buffer) => {
    for (let start = 0; start < chunk.length;) {
      const end = chunk.indexOf(NEWLINE, start);
      take(chunk.subarray(start, end === -1 ? chunk.length : end));
      if (size > maxBytes) {
        reader.tooLong();
        for (const part of parts.splice(0)) part.fill(0);
        size = 0;
        return;
      }
      if (end !== -1) give();
      start = end === -1 ? chunk.length : end + 1;
    }
  });
  return () => size;
}
