/** What the agent says, as data: a sink makes JSON lines, or text, of it. */
import { dropControls } from "../apply/scrub.ts";
import { showDuration } from "../model/duration.ts";
import type { DsoError } from "../model/errors.ts";
import type { DsoEvent } from "../model/events.ts";
import type { Operation } from "../model/plan.ts";

export type Level = "debug" | "info" | "warn" | "error";

export interface LogRecord {
  readonly level: Level;
  readonly msg: string;
  readonly project?: string;
  /** `container.web[1]` */
  readonly address?: string;
  /** What more is known: texts, numbers and lists of texts, scrubbed. */
  readonly [field: string]: string | number | readonly string[] | undefined;
}

export type Log = (record: LogRecord) => void;

/** Undefined for what nobody wants to read afterwards. */
export function recordOf(project: string, event: DsoEvent): LogRecord | undefined {
  if (event.type === "warning") {
    const { code, message } = event;
    return { level: "warn", msg: message, project, code };
  }
  if (event.type === "note") return { level: "info", msg: event.message, project };
  const about = { project, address: event.operation.address };
  switch (event.type) {
    case "operation-started":
      return { level: "info", msg: started(event.operation), ...about, why: event.operation.why };
    case "operation-progress":
      return { level: "debug", msg: event.message, ...about };
    case "rotation-step":
      return { level: "debug", msg: `Step ${event.step}`, ...about, rotation: event.rotation };
    case "operation-completed":
      return { level: "info", msg: completed(event.operation), ...about, ...took(event.elapsedMs) };
    case "operation-failed":
      return { ...fault(event.error), ...about, ...took(event.elapsedMs) };
    case "operation-paused":
      return { level: "info", msg: `Waits ${showDuration(event.ms)}`, ...about };
    case "operation-skipped":
      return { level: "warn", msg: "Not begun", ...about };
    case "operation-undone":
      return { level: "info", msg: "Taken back", ...about };
    case "container-log":
      return { level: "warn", msg: "Its last lines", ...about, lines: event.lines };
    case "rolled-back": {
      const { rotation, error } = event;
      return {
        level: "error",
        msg: "ROTATION ROLLBACK",
        ...about,
        rotation,
        reason: error.message,
      };
    }
    case "downtime":
      return { level: "info", msg: `Did not serve for ${showDuration(event.ms)}`, ...about };
  }
}

/** The words of an error that people are to act on. To be told to stop, or to wait, is none. */
export function fault({ code, message, hint, position }: DsoError): LogRecord {
  return {
    level: code === "aborted" || code === "locked" ? "info" : "error",
    ...{ msg: message, code },
    ...(hint === undefined ? {} : { hint }),
    ...(position && { at: `${position.file}:${position.line}:${position.column}` }),
  };
}

function took(ms: number): { readonly duration_ms: number } {
  return { duration_ms: Math.round(ms) };
}

function started(operation: Operation): string {
  switch (operation.kind) {
    case "replace-container":
      return `Rotation started (${operation.method})`;
    case "refresh-container":
      return "Rotation started (refresh)";
    default:
      return `${words(operation)} started`;
  }
}

function completed(operation: Operation): string {
  const isRotation =
    operation.kind === "replace-container" || operation.kind === "refresh-container";
  return isRotation ? "Rotation completed" : `${words(operation)} completed`;
}

/** `create-container`: `Create container` */
function words({ kind }: Operation): string {
  const text = kind.replaceAll("-", " ");
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
}

/** One line for a terminal, without what only machines ask for. */
export function textOf(record: LogRecord): string {
  const { level, msg, project, address, why, reason, lines, hint, at, duration_ms: ms } = record;
  const alarm = level === "warn" || level === "error" ? `${level.toUpperCase()} ` : "";
  const where = [project, address].filter((part) => part !== undefined).join(" ");
  const because = [why, reason].flatMap((text) => (text === undefined ? [] : `: ${String(text)}`));
  const tail = [
    typeof ms === "number" ? ` after ${showDuration(ms)}` : "",
    at === undefined ? "" : ` at ${String(at)}`,
    hint === undefined ? "" : `. ${String(hint)}`,
    ...(Array.isArray(lines) ? lines.map((line) => `\n    | ${String(line)}`) : []),
  ];
  const head = where === "" ? msg : `${where}: ${msg}`;
  return dropControls(`${alarm}${head}${because.join("")}${tail.join("")}`);
}
