import path from "node:path";
import { lineOfInvalidUtf8, readFault, readNamedFile } from "../lib/namedFile.ts";
import { DsoError, type Position } from "../model/errors.ts";
import { invalid, place } from "./fault.ts";
import type { Reading } from "./trace.ts";

/** The text of a file; `what` names it in the error, and `namedAt` is where it was asked for. */
export async function readText(
  file: string,
  what: string,
  { signal, trace }: Reading,
  namedAt?: Position,
): Promise<string> {
  trace.files.add(path.normalize(file));
  try {
    return decodeText(file, what, await readNamedFile(file, signal));
  } catch (cause) {
    signal.throwIfAborted();
    const why = cause instanceof DsoError ? undefined : readFault(cause);
    if (why === undefined) throw cause;
    throw new DsoError("compose-invalid", `${what} ${file} ${why}`, {
      cause,
      hint: "Check the path and the permissions.",
      position: namedAt === undefined ? { file, line: 1, column: 1 } : place(namedAt),
    });
  }
}

/** Text of bytes that were read already. Rejects with `compose-invalid` where they are not UTF-8. */
export function decodeText(file: string, what: string, bytes: Buffer): string {
  const line = lineOfInvalidUtf8(bytes);
  if (line === undefined) return bytes.toString("utf8");
  throw invalid(
    `${what}: line ${line} is not valid UTF-8`,
    { file, line, column: 1 },
    "Save the file in UTF-8.",
  );
}
