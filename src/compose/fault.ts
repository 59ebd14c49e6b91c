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

export function place({ file, line, column }: Position): Position {
  return { file, line, column };
}
