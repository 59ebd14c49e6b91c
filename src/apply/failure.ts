import { Refusal } from "../docker/errors.ts";
import { DsoError, type ErrorCode } from "../model/errors.ts";
import type { Operation } from "../model/plan.ts";
import type { Work } from "./context.ts";
import { aborted } from "./journal/rotation.ts";
import type { Scrubber } from "./scrub.ts";

/**
 * Of errors of these codes every word is ours, and what they quote was scrubbed when it
 * was put in: a short value must not be looked for in our own sentences.
 */
const OWN: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "aborted",
  "container-exited",
  "container-unhealthy",
  "dependency-failed",
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
    return new DsoError("internal", scrubber.scrub(message), { cause: error });
  }
  return OWN.has(error.code) ? error : withoutValues(error, scrubber);
}

/** Of what the engine refuses only its own words are foreign, where they stand in the message as they are. */
function withoutValues(error: DsoError, { scrub }: Pick<Scrubber, "scrub">): DsoError {
  const said = error.cause instanceof Refusal ? error.cause : undefined;
  const quoted = said !== undefined && said.message !== "" && error.message.includes(said.message);
  const foreign = quoted ? said.message : error.message;
  const clean = scrub(foreign);
  if (clean === foreign) return error;
  return new DsoError(error.code, error.message.split(foreign).join(clean), {
    ...(error.hint === undefined ? {} : { hint: error.hint }),
    ...(error.position === undefined ? {} : { position: error.position }),
    others: error.others,
    // Any other cause may say the same in its own words: it is left out.
    ...(quoted ? { cause: new Refusal(said.status, clean) } : {}),
  });
}

/** The engine has answered, and does not do it. */
export function isRefusal(error: unknown): boolean {
  return error instanceof DsoError && error.code === "engine-refused";
}

const LINES = 20;

/** Reports the last words of a container that is about to go. */
export async function reportLogs(
  work: Work,
  operation: Operation,
  id: string,
  signal: AbortSignal,
): Promise<void> {
  const text = await readLog(work, id, signal);
  const lines = work.scrubber
    .scrub(text)
    .split("\n")
    .filter((line) => line.trim() !== "");
  if (lines.length > 0) work.report({ type: "container-log", operation, lines });
}

/** Not every log can be read (`driver: none`), and no rollback may wait for one. */
async function readLog(work: Work, id: string, signal: AbortSignal): Promise<string> {
  try {
    return await work.engine.logTail(id, LINES, signal);
  } catch (error) {
    signal.throwIfAborted();
    const { message } = failureOf(error, work.scrubber, signal);
    work.report({ type: "warning", code: "log-unreadable", message });
    return "";
  }
}
