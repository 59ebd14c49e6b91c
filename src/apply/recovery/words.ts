/** What is told of a change that a killed process left half done. */
import { DsoError } from "../../model/errors.ts";
import type { Rotation } from "../../model/journal.ts";

export function interrupted(): DsoError {
  return new DsoError("aborted", "the process that worked on it was ended", {
    hint: "Run the command again.",
  });
}

export function describe({ name, method, step }: Rotation, status: string): string {
  if (step === "start-old") {
    const how = status === "completed" ? ", and was finished" : "; it does not run";
    return `the start of ${name} had been interrupted${how}`;
  }
  if (method === "stop") {
    const how = status === "rolled_back" ? "it runs on" : "has ended";
    return `the stop of ${name} had been interrupted, and ${how}`;
  }
  if (method === "refresh") {
    const how = status === "completed" ? "and was finished" : "and its old files hold";
    return `the refresh of ${name} had been interrupted, ${how}`;
  }
  const what = method === "create" ? "the creation" : "the replacement";
  switch (status) {
    case "completed":
      return `${what} of ${name} had been interrupted, and was finished`;
    case "rolled_back":
      return `${what} of ${name} had been interrupted; the old container is back`;
    case "rollback_required":
      return `${what} of ${name} had been interrupted, and its old container is gone or does not start: look at it`;
    default:
      return `${what} of ${name} had been interrupted; what was left of it is removed`;
  }
}
