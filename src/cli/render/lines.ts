import { showDuration } from "../../model/duration.ts";
import type { DsoEvent, Report } from "../../model/events.ts";
import type { Operation } from "../../model/plan.ts";
import type { Output } from "../session.ts";
import { detailOf, idOf, phrasesOf, stepPhrase } from "./phrases.ts";
import { printable, type Style } from "./style.ts";

/** How often an operation that takes long says that it still lives. */
const STILL_MS = 10_000;
const INTERRUPTED = "Not begun: interrupted";
const SKIPPED = "Skipped, because something before it failed";

export interface Progress {
  readonly report: Report;
  /** To be called about once a second: `now` in milliseconds since some moment. */
  readonly tick: (now: number) => void;
  /** Nothing runs any more. */
  readonly end: () => void;
}

/** One line per event, for logs and pipes: Terraform's words. */
export function createLines(output: Output, style: Style, now: () => number): Progress {
  const running = new Map<number, { readonly operation: Operation; told: number; began: number }>();
  const say = (line: string): void => void output.write(`${line}\n`);
  return {
    report: (event) => {
      if (event.type === "operation-started") {
        const began = now();
        running.set(event.operation.id, { operation: event.operation, told: began, began });
      } else if (isEnd(event)) {
        running.delete(event.operation.id);
      }
      for (const line of linesOf(event, style)) say(line);
    },
    tick: (time) => {
      for (const entry of running.values()) {
        if (time - entry.told < STILL_MS) continue;
        entry.told = time;
        const { address } = entry.operation;
        const elapsed = wholeSeconds(time - entry.began);
        say(`${address}: ${phrasesOf(entry.operation).still}... [${elapsed} elapsed]`);
      }
    },
    end: () => running.clear(),
  };
}

export function isEnd(
  event: DsoEvent,
): event is Extract<DsoEvent, { type: "operation-completed" | "operation-failed" }> {
  return event.type === "operation-completed" || event.type === "operation-failed";
}

/** What an event is worth saying for good. */
function linesOf(event: DsoEvent, style: Style): readonly string[] {
  switch (event.type) {
    case "operation-started":
      return [startLine(event.operation, style)];
    case "operation-progress":
      return [`${event.operation.address}: ${printable(event.message)}`];
    case "rotation-step": {
      const step = stepPhrase(event.step);
      // Of a creation, that it goes on is all there is to know.
      return step === undefined || event.operation.kind === "create-container"
        ? []
        : [`${event.operation.address}: ${step}`];
    }
    default:
      return lastingLines(event, style);
  }
}

type Lasting = Exclude<
  DsoEvent,
  { type: "operation-started" | "operation-progress" | "rotation-step" }
>;

/** What stays on the screen of a terminal, too, where progress is shown in place. */
export function lastingLines(event: Lasting, style: Style): readonly string[] {
  if (event.type === "warning") {
    return [`${style.yellow("Warning:")} ${printable(event.message)}`];
  }
  if (event.type === "note") return [printable(event.message)];
  const { address } = event.operation;
  switch (event.type) {
    case "operation-completed": {
      const id = shortId(event.containerId);
      const took = wholeSeconds(event.elapsedMs);
      return [style.bold(`${address}: ${phrasesOf(event.operation).done} after ${took}${id}`)];
    }
    case "operation-failed":
      return [style.red(`${address}: Failed after ${wholeSeconds(event.elapsedMs)}`)];
    case "operation-paused":
      return [style.dim(`${address}: Waits ${showDuration(event.ms)}, as its files say`)];
    case "operation-skipped":
      return [style.dim(`${address}: ${event.interrupted ? INTERRUPTED : SKIPPED}`)];
    case "operation-undone":
      return [style.dim(`${address}: Taken away again`)];
    case "container-log":
      return event.lines.map((line) => style.dim(`${address} | ${printable(line)}`));
    case "rolled-back":
      return [style.yellow(`${address}: Rolled back, the old container ${againOrOn(event)}`)];
    case "downtime":
      return [`${address}: Did not serve for ${showDuration(event.ms)}`];
  }
}

function againOrOn({ operation }: { readonly operation: Operation }): string {
  const never = operation.kind === "replace-container" && operation.method === "blue-green";
  return never ? "serves on" : "serves again";
}

export function startLine(operation: Operation, style: Style): string {
  const detail = detailOf(operation);
  const how = detail === undefined ? "" : ` (${printable(detail)})`;
  return style.bold(
    `${operation.address}: ${phrasesOf(operation).start}${how}...${shortId(idOf(operation))}`,
  );
}

function shortId(id: string | undefined): string {
  return id === undefined ? "" : ` [id=${id.slice(0, 12)}]`;
}

export function wholeSeconds(ms: number): string {
  const seconds = Math.round(ms / 1000);
  return seconds < 60 ? `${seconds}s` : `${Math.floor(seconds / 60)}m${seconds % 60}s`;
}
