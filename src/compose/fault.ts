import { DsoError } from "../model/errors.ts";
import type { Position } from "../model/errors.ts";
import type { Node, Path } from "./node.ts";
import { showPath } from "./node.ts";

/** `compose-invalid` at a place of the files. */
export function invalid(message: string, at: Position | undefined, hint?: string): DsoError {
  return new DsoError("compose-invalid", message, {
    ...(hint === undefined ? {} : { hint }),
    ...(at === undefined ? {} : { position: place(at) }),
  });
}

/** `compose-invalid` about the value at `path`. */
export function invalidAt(path: Path, what: string, node: Node, hint?: string): DsoError {
  return invalid(`${showPath(path)}: ${what}`, node.at, hint);
}

export function unsupported(message: string, at: Position | undefined, hint: string): DsoError {
  return new DsoError("compose-unsupported", message, {
    hint,
    ...(at === undefined ? {} : { position: place(at) }),
  });
}

/** No variable, argument, label or name can hold a NUL byte: the kernel ends them there. */
export function refuseNul(text: string, at: Position): void {
  if (!text.includes("\0")) return;
  throw invalid("a NUL byte cannot stand here", at, "Take it out; only a file can hold one.");
}

export function place({ file, line, column }: Position): Position {
  return { file, line, column };
}

export function empty(at: Position): DsoError {
  return invalid("the compose file is empty", place(at), "Declare services:");
}
