export interface Chunk {
  readonly stream: "stdout" | "stderr";
  readonly data: Buffer;
}

const HEADER = 8;

/**
 * Takes apart the engine's framing: one byte of stream number (2 is stderr),
 * three of nothing, four of length (big endian), then as many bytes.
 */
export async function* demultiplex(source: AsyncIterable<Buffer>): AsyncGenerator<Chunk> {
  let pending: Buffer = Buffer.alloc(0);
  for await (const data of source) {
    pending = pending.length === 0 ? data : Buffer.concat([pending, data]);
    for (let frame = firstFrame(pending); frame !== undefined; frame = firstFrame(pending)) {
      yield frame.chunk;
      pending = pending.subarray(frame.length);
    }
  }
}

function firstFrame(bytes: Buffer): { chunk: Chunk; length: number } | undefined {
  if (bytes.length < HEADER) return undefined;
  const length = HEADER + bytes.readUInt32BE(4);
  if (bytes.length < length) return undefined;
  const stream = bytes[0] === 2 ? "stderr" : "stdout";
  return { chunk: { stream, data: bytes.subarray(HEADER, length) }, length };
}
