/** Files that somebody names: none of them may hold us for ever or fill the memory. */
import { closeSync, constants, fstatSync, openSync, readFileSync, readSync } from "node:fs";
import { DsoError } from "../model/errors.ts";

const MAX_BYTES = 16 * 1024 * 1024;

const READ_FAULTS: Readonly<Record<string, string>> = {
  ENOENT: "does not exist",
  ENOTDIR: "does not exist",
  ENXIO: "is a socket",
  EISDIR: "is a directory",
  EACCES: "cannot be read: permission denied",
  ELOOP: "cannot be read: too many symbolic links",
  ENAMETOOLONG: "cannot be read: the name is too long",
  EFBIG: "has more than 16 MiB",
};

/** The text of a file; `what` names it in the error. */
export async function readText(file: string, what: string, signal: AbortSignal): Promise<string> {
  signal.throwIfAborted();
  try {
    return (await readBounded(file, signal)).toString("utf8");
  } catch (cause) {
    signal.throwIfAborted();
    const why = READ_FAULTS[(cause as NodeJS.ErrnoException).code ?? ""];
    if (why === undefined) throw cause;
    throw new DsoError("compose-invalid", `${what} ${file} ${why}`, {
      cause,
      hint: "Check the path and the permissions.",
      position: { file, line: 1, column: 1 },
    });
  }
}

async function readBounded(file: string, signal: AbortSignal): Promise<Buffer> {
  // Waiting for the writer of a pipe within `open` could be ended by nothing but SIGKILL.
  const descriptor = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
  const stat = fstatSync(descriptor);
  if (stat.isFIFO()) return readPipe(descriptor, signal);
  try {
    if (stat.isCharacterDevice()) return readDevice(descriptor);
    if (stat.size > MAX_BYTES) throw tooLarge();
    return readFileSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** As in `-f <(…)`. Closes it. */
async function readPipe(descriptor: number, signal: AbortSignal): Promise<Buffer> {
  const { Socket } = await import("node:net");
  const pipe = new Socket({ fd: descriptor, readable: true, writable: false, signal });
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of pipe as AsyncIterable<Buffer>) {
    size += part.length;
    if (size > MAX_BYTES) throw tooLarge();
    parts.push(part);
  }
  return Buffer.concat(parts);
}

/** `/dev/null` is a common way to say "no file". */
function readDevice(descriptor: number): Buffer {
  if (readSync(descriptor, Buffer.alloc(1)) > 0) throw tooLarge();
  return Buffer.alloc(0);
}

function tooLarge(): Error {
  return Object.assign(new Error("too large"), { code: "EFBIG" });
}
