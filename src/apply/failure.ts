import { Refusal } from "../docker/errors.ts";
import { DsoError, type ErrorCode, withPosition } from "../model/errors.ts";
import type { Operation } from "../model/plan.ts";
import type { Work } from "./context.ts";
import { aborted } from "./journal/rotation.ts";
import { dropControls, type Scrubber } from "./scrub.ts";

/**
 * Of errors of these codes every word is ours, and what they quote was scrubbed when it
 * was put in: a short value must not be looked for in our own sentences.
 */
const OWN: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "aborted",
  "container-exited",
  "container-removed",
  "container-unhealthy",
  "dependency-failed",
  "hook-failed",
  "plan-stale",
  "rolled-back",
  "rollback-failed",
]);

/** Any thrown value as an error for people: without values of secrets, and `aborted` for a cancelled wait. */
export function failureOf(
  error: unknown,
  scrubber: Pick<Scrubber, "scrub">,
  signal: AbortSignal,
): DsoError {
  if (!(error instanceof DsoError)) {
    if (signal.aborted) return aborted();
    const message = error instanceof Error ? error.message : String(error);
    const clean = scrubber.scrub(message);
    const cause = isClean(error, scrubber) ? error : undefined;
    return new DsoError("internal", clean, { cause });
  }
  return OWN.has(error.code) ? error : withoutValues(error, scrubber);
}

/** Of what the engine refuses only its own words are foreign, where they stand in the message as they are. */
function withoutValues(error: DsoError, { scrub }: Pick<Scrubber, "scrub">): DsoError {
  const said = error.cause instanceof Refusal ? error.cause : undefined;
  const quoted = said !== undefined && said.message !== "" && error.message.includes(said.message);
  const foreign = quoted ? said.message : error.message;
  const clean = scrub(foreign);
  if (clean === foreign && isClean(error.cause, { scrub })) return error;
  return new DsoError(error.code, error.message.split(foreign).join(clean), {
    ...(error.hint === undefined ? {} : { hint: error.hint }),
    ...(error.position === undefined ? {} : { position: error.position }),
    others: error.others,
    // Any other cause may say the same in its own words: it is left out.
    ...(said === undefined ? {} : { cause: new Refusal(said.status, scrub(said.message)) }),
  });
}

/** Whoever looks for a defect is shown the stack of a cause, which quotes more than the message does. */
function isClean(cause: unknown, { scrub }: Pick<Scrubber, "scrub">): boolean {
  if (!(cause instanceof Error)) return cause === undefined;
  const words = dropControls(cause.message);
  return scrub(words) === words && isClean(cause.cause, { scrub });
}

/** A verdict on the container: it did not come to serve, by a fault of its own. */
export function isVerdict({ code }: DsoError): boolean {
  return ["container-exited", "container-unhealthy", "hook-failed"].includes(code);
}

/** It does not serve, by a fault of its own or because somebody removed it. */
export function isDown(error: unknown): error is DsoError {
  return error instanceof DsoError && (isVerdict(error) || error.code === "container-removed");
}

/** The engine has answered, and does not do it. */
export function isRefusal(error: unknown): boolean {
  return error instanceof DsoError && error.code === "engine-refused";
}

/** Somebody else has what was asked for. */
export function isConflict(error: unknown): boolean {
  return error instanceof DsoError && error.code === "engine-conflict";
}

const DECLINED: ReadonlySet<string> = new Set(["engine-refused", "engine-conflict", "port-taken"]);

/** Also by what somebody else has: asked again in the same way, the engine would say the same. */
export function isDeclined(error: unknown): boolean {
  return error instanceof DsoError && DECLINED.has(error.code);
}

const LINES = 20;

/** Reports what a container that failed, and may be about to go, has written last; answers the error that says so. */
export async function tellLastWords(
  work: Work,
  operation: Operation,
  id: string,
  error: DsoError,
): Promise<DsoError> {
  const text = await readLog(work, id, work.force);
  if (text === undefined) return error;
  const lines = work.scrubber
    .scrub(text)
    .split("\n")
    .filter((line) => line.trim() !== "");
  if (lines.length > 0) work.report({ type: "container-log", operation, lines });
  if (!isVerdict(error)) return error;
  const words = lines.length > 0 ? "Its last lines are above." : "Its log is empty.";
  const hint = error.hint === undefined ? words : `${words} ${error.hint}`;
  return new DsoError(error.code, error.message, { hint, cause: error.cause });
}

/** Not every log can be read (`driver: none`), and no rollback may wait for one. */
async function readLog(work: Work, id: string, signal: AbortSignal): Promise<string | undefined> {
  try {
    return await work.engine.logTail(id, LINES, signal);
  } catch (error) {
    signal.throwIfAborted();
    const { message } = failureOf(error, work.scrubber, signal);
    work.report({ type: "warning", code: "log-unreadable", message });
    return undefined;
  }
}

/** An engine that went away in the middle: it comes back, and nobody has to put anything right. */
export function toBeMended(error: DsoError): DsoError {
  if (error.code !== "engine-unreachable") return error;
  const mended = "Once it answers, run the command again: what had begun is finished or undone.";
  return new DsoError(error.code, error.message, {
    hint: error.hint === undefined ? mended : `${error.hint} ${mended}`,
    cause: error.cause,
  });
}

/** By no fault of what the files say of the service. */
const ELSEWHERE: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "aborted",
  "container-removed",
  "disk-full",
  "engine-remote",
  "engine-unreachable",
  "internal",
  "lock-lost",
  "memory-full",
  "memory-unsafe",
  "plan-stale",
  "state-corrupt",
]);

export function isElsewhere(code: ErrorCode): boolean {
  return ELSEWHERE.has(code);
}

/** The error of an operation on a service, with that service's place in the files. */
export function ofService(error: DsoError, operation: Operation, { desired }: Work): DsoError {
  if (!("service" in operation) || isElsewhere(error.code)) return error;
  const { service } = operation;
  const placed = withPosition(error, desired.project.positions.at(["services", service]));
  if (error.code !== "engine-refused") return placed;
  // The engine's words name containers by their ids.
  return new DsoError(error.code, `service ${service}: ${error.message}`, {
    ...(error.hint === undefined ? {} : { hint: error.hint }),
    ...(placed.position === undefined ? {} : { position: placed.position }),
    cause: error.cause,
    others: error.others,
  });
}
