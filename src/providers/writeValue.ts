import { Buffer } from "node:buffer";
import type { Secret } from "../model/secret.ts";

/** Hands a value to the stream that a person asked it to be written to, as it is. */
export function writeValue(value: Secret, write: (bytes: Buffer) => void): void {
  // A copy: the stream may still be busy with it when the value is dropped.
  write(Buffer.from(value.reveal()));
}
