/** Files that somebody names: none of them may hold us for ever or fill the memory. */
import { isUtf8 } from "node:buffer";
import { closeSync, constants, fstatSync, openSync, readSync, type Stats } from "node:fs";
import { addAbortSignal } from "node:stream";

const MAX_BYTES = 16 * 1024 * 1024;
const NEWLINE = 0x0a;

const FAULTS: Readonly<Record<string, string>> = {
  ENOENT: "does not exist",
  ENOTDIR: "does not exist",
  ENXIO: "is a socket",
  EISDIR: "is a directory",
  ESPIPE: "is a pipe, which can be read only once",
  EACCES: "cannot be read: permission denied",
  ELOOP: "cannot be read: too many symbolic links",
  ENAMETOOLONG: "cannot be read: the name is too long",
  EFBIG: "has more than 16 MiB",
  ERR_INVALID_ARG_VALUE: "cannot be read: there is a NUL byte in the name",
};

/**
 * The whole content; of a pipe or a terminal until it ends, as in `-f <(…)`. Rejects with what
 * `readFault` has words for, or with the signal's reason.
 */
export async function readNamedFile(file: string, signal: AbortSignal): Promise<Buffer> {
  signal.throwIfAborted();
  const { descriptor, stat } = openNamed(file);
  if (!isStream(descriptor, stat)) return readAndClose(descriptor, stat);
  try {
    return await readStream(descriptor, stat, signal);
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  }
}

/**
 * As `readNamedFile`, of what can be read again: a pipe or a terminal is a fault. `look` is told of the file that
 * is read, which may be another one of that name by then; it must not throw.
 */
export function readStoredFile(file: string, look?: (stat: Stats) => void): Buffer {
  const { descriptor, stat } = openNamed(file);
  look?.(stat);
  if (!isStream(descriptor, stat)) return readAndClose(descriptor, stat);
  closeSync(descriptor);
  throw faulty("ESPIPE");
}

/** What is wrong with the file, to stand after its name; undefined where the error is another one. */
export function readFault(error: unknown): string | undefined {
  if (!(error instanceof Error && "code" in error && typeof error.code === "string")) {
    return undefined;
  }
  return FAULTS[error.code] ?? `cannot be read: ${error.code}`;
}

/** The number of the first line that is not UTF-8, if there is one. */
export function lineOfInvalidUtf8(bytes: Buffer): number | undefined {
  if (isUtf8(bytes)) return undefined;
  let line = 1;
  for (let start = 0; ; line++) {
    const end = bytes.indexOf(NEWLINE, start);
    if (end === -1 || !isUtf8(bytes.subarray(start, end))) return line;
    start = end + 1;
  }
}

function openNamed(file: string): { readonly descriptor: number; readonly stat: Stats } {
  // Waiting for the writer of a pipe within `open` could be ended by nothing but SIGKILL.
  const descriptor = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
  return { descriptor, stat: fstatSync(descriptor) };
}

function isStream(descriptor: number, stat: Stats): boolean {
  if (!stat.isCharacterDevice()) return stat.isFIFO();
  // Loaded only here: next to nobody names a device, and every start would pay for it.
  return process.getBuiltinModule("node:tty").isatty(descriptor);
}

function readAndClose(descriptor: number, stat: Stats): Buffer {
  try {
    return stat.isCharacterDevice() ? readDevice(descriptor) : readBounded(descriptor, stat.size);
  } finally {
    closeSync(descriptor);
  }
}

/** `/dev/null` is a common way to say "no file". */
function readDevice(descriptor: number): Buffer {
  if (readSync(descriptor, Buffer.alloc(1)) > 0) throw faulty("EFBIG");
  return Buffer.alloc(0);
}

/** Files below /proc have more than the size that they tell. */
function readBounded(descriptor: number, size: number): Buffer {
  if (size > MAX_BYTES) throw faulty("EFBIG");
  let bytes = Buffer.alloc(size + 1);
  for (let length = 0; ;) {
    const count = readSync(descriptor, bytes, length, bytes.length - length, null);
    if (count === 0) return bytes.subarray(0, length);
    length += count;
    if (length > MAX_BYTES) throw faulty("EFBIG");
    if (length === bytes.length) bytes = Buffer.concat([bytes, Buffer.alloc(length + 4096)]);
  }
}

async function readStream(descriptor: number, stat: Stats, signal: AbortSignal): Promise<Buffer> {
  const stream = stat.isFIFO()
    ? new (await import("node:net")).Socket({ fd: descriptor, readable: true, writable: false })
    : new (await import("node:tty")).ReadStream(descriptor);
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of addAbortSignal(signal, stream) as AsyncIterable<Buffer>) {
    size += part.length;
    if (size > MAX_BYTES) throw faulty("EFBIG");
    parts.push(part);
  }
  return Buffer.concat(parts);
}

function faulty(code: string): Error {
  return Object.assign(new Error(FAULTS[code]), { code });
}
