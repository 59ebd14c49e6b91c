/**
 * What kind of failure it is. The code, not the message, decides whether a
 * caller may try again, and it is what scripts may depend on.
 */
export type ErrorCode =
  // the user's input
  | "usage"
  | "config-invalid"
  | "compose-invalid"
  | "compose-unsupported"
  | "reference-invalid"
  | "provider-unknown"
  | "policy-refused"
  // secrets
  | "secret-missing"
  | "secret-denied"
  | "secret-empty"
  | "secret-too-large"
  | "secret-version-gone"
  | "secret-conflict"
  | "provider-unreachable"
  | "provider-throttled"
  | "provider-auth"
  // the local vault
  | "vault-missing"
  | "vault-key"
  | "vault-corrupt"
  | "vault-stale"
  // delivery
  | "memory-unsafe"
  | "memory-full"
  | "engine-remote"
  | "shim-unusable"
  // the engine
  | "engine-unreachable"
  | "engine-refused"
  | "engine-conflict"
  | "image-missing"
  | "build-failed"
  | "port-taken"
  | "container-exited"
  | "container-removed"
  | "container-unhealthy"
  | "dependency-failed"
  | "hook-failed"
  // provider services
  | "program-missing"
  | "program-failed"
  // running
  | "plan-stale"
  | "plan-invalid"
  | "approval-missing"
  | "locked"
  | "lock-lost"
  | "held"
  | "rolled-back"
  | "rollback-failed"
  | "aborted"
  | "not-in-release"
  | "state-corrupt"
  | "disk-full"
  | "internal";

export interface ErrorDetail {
  /** One sentence that tells the reader what to do about it. */
  readonly hint?: string;
  readonly cause?: unknown;
  /** Where in the user's files the fault stands. */
  readonly position?: Position;
  /** Further findings of the same kind, each complete in itself. */
  readonly others?: readonly DsoError[];
}

/** A place in a file. `line` and `column` count from 1. */
export interface Position {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** Every failure that a person is meant to read. Anything else is a defect in DSO. */
export class DsoError extends Error {
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly position: Position | undefined;
  readonly others: readonly DsoError[];

  constructor(code: ErrorCode, message: string, detail: ErrorDetail = {}) {
    super(message, detail.cause === undefined ? undefined : { cause: detail.cause });
    this.name = "DsoError";
    this.code = code;
    this.hint = detail.hint;
    this.position = detail.position;
    this.others = detail.others ?? [];
  }
}

/** Joins several findings into one error that lists them all; a single one stays as it is. */
export function combine(errors: readonly DsoError[]): DsoError {
  const [first, ...others] = errors;
  if (first === undefined) throw new Error("combine: no error given");
  if (others.length === 0) return first;
  return new DsoError(first.code, first.message, {
    ...(first.hint === undefined ? {} : { hint: first.hint }),
    ...(first.position === undefined ? {} : { position: first.position }),
    cause: first.cause,
    others,
  });
}

/** The same error, saying where in the user's files it comes from; one that says so already stays as it is. */
export function withPosition(error: DsoError, position: Position | undefined): DsoError {
  if (position === undefined || error.position !== undefined) return error;
  return new DsoError(error.code, error.message, {
    ...(error.hint === undefined ? {} : { hint: error.hint }),
    position,
    cause: error.cause,
    others: error.others,
  });
}

/** Whether a thrown value is a system error of this code, such as `ENOENT`. */
export function hasCode(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof Error && "code" in error && codes.includes(String(error.code));
}

/** What a text from elsewhere says; undefined where it is no JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
