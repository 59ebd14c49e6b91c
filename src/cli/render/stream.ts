/** The `-json` stream: Terraform's message types, one object per line. */
import { isComplete, type Outcome } from "../../apply/context.ts";
import { resourceOf, streamMessages } from "../../diff/stream.ts";
import { showDuration } from "../../model/duration.ts";
import { DsoError, type Position } from "../../model/errors.ts";
import type { DsoEvent } from "../../model/events.ts";
import type { Operation, Plan } from "../../model/plan.ts";
import type { Output } from "../session.ts";
import { isEnd, wholeSeconds } from "./lines.ts";
import { idOf, phrasesOf } from "./phrases.ts";
import type { View } from "./view.ts";

/** The version of the stream's grammar that is followed. */
const UI = "1.2";
const TICK_MS = 10_000;

export interface StreamMessage {
  readonly type: string;
  readonly "@level": "info" | "warn" | "error" | "debug";
  readonly "@message": string;
  readonly [key: string]: unknown;
}

export function createStreamView(output: Output, version: string): View {
  const send = (message: StreamMessage): void => void output.write(encode(message, new Date()));
  const running = new Map<number, { readonly operation: Operation; readonly began: number }>();
  const timer = setInterval(() => {
    for (const { operation, began } of running.values()) {
      send(applyProgress(operation, performance.now() - began));
    }
  }, TICK_MS).unref();
  send(versionMessage(version));
  return {
    report: (event) => {
      if (event.type === "operation-started") {
        running.set(event.operation.id, { operation: event.operation, began: performance.now() });
      } else if (isEnd(event)) running.delete(event.operation.id);
      eventMessages(event).forEach(send);
    },
    planned: (plan, { final }) => {
      for (const { message, hint, position } of plan.warnings) {
        send(diagnostic("warning", message, hint ?? "", position));
      }
      streamMessages(plan)
        .filter(({ type }) => final || type !== "change_summary")
        .forEach(send);
    },
    applied: async (plan, outcome) => {
      outcome.failed.flatMap(({ error }) => diagnostics(error)).forEach(send);
      send(summary(plan, outcome));
      send({ type: "outputs", "@level": "info", "@message": "Outputs: 0", outputs: {} });
    },
    remark: (text) => {
      if (text.trim() !== "") send(log(text.trim(), {}));
    },
    failed: async (error) => diagnostics(error).forEach(send),
    end: () => clearInterval(timer),
  };
}

function versionMessage(version: string): StreamMessage {
  return { type: "version", "@level": "info", "@message": `DSO ${version}`, dso: version, ui: UI };
}

/** In the order in which Terraform writes the keys. */
export function encode(message: StreamMessage, at: Date): string {
  const { type, "@level": level, "@message": text, ...rest } = message;
  const head = { "@level": level, "@message": text, "@module": "dso.ui" };
  return `${JSON.stringify({ ...head, "@timestamp": at.toISOString(), ...rest, type })}\n`;
}

/** What one event is in the stream; events that Terraform does not know are of type `log`. */
function eventMessages(event: DsoEvent): readonly StreamMessage[] {
  if (event.type === "warning") return [diagnostic("warning", event.message, "")];
  if (event.type === "note") return [log(event.message, {})];
  const { operation } = event;
  const { address } = operation;
  if (isIdle(event)) return [log(`${address}: ${wordOf(event)}`, { address })];
  switch (event.type) {
    case "operation-started":
      return [
        {
          type: "apply_start",
          "@level": "info",
          "@message": `${address}: ${phrasesOf(operation).start}...${shownId(idOf(operation))}`,
          hook: { ...hook(operation), ...idKeys(idOf(operation)) },
        },
      ];
    case "operation-progress":
      return [{ ...applyProgress(operation, event.elapsedMs), detail: event.message }];
    case "operation-completed":
      return [completed(event)];
    case "operation-failed":
      return [
        {
          type: "apply_errored",
          "@level": "info",
          "@message": `${address}: failed after ${wholeSeconds(event.elapsedMs)}`,
          hook: { ...hook(operation), elapsed_seconds: Math.round(event.elapsedMs / 1000) },
        },
      ];
    case "rotation-step":
      return [log(`${address}: ${event.step}`, { rotation: event.rotation, step: event.step })];
    case "container-log":
      return event.lines.map((line) => log(line, { address, container_log: true }));
    case "rolled-back":
      return [log(`${address}: rolled back`, { address, rotation: event.rotation })];
    case "downtime":
      return [log(`${address}: did not serve`, { address, downtime_ms: event.ms })];
  }
}

type Idle = Extract<
  DsoEvent,
  { type: "operation-paused" | "operation-skipped" | "operation-undone" }
>;

function isIdle(event: DsoEvent): event is Idle {
  return ["operation-paused", "operation-skipped", "operation-undone"].includes(event.type);
}

function wordOf(event: Idle): string {
  if (event.type === "operation-paused") return `waits ${showDuration(event.ms)}`;
  if (event.type === "operation-undone") return "undone";
  return event.interrupted ? "not begun: interrupted" : "skipped";
}

function completed(event: Extract<DsoEvent, { type: "operation-completed" }>): StreamMessage {
  const { operation, containerId, elapsedMs } = event;
  return {
    type: "apply_complete",
    "@level": "info",
    "@message": `${operation.address}: ${phrasesOf(operation).done} after ${wholeSeconds(elapsedMs)}${shownId(containerId)}`,
    hook: {
      ...hook(operation),
      ...idKeys(containerId),
      elapsed_seconds: Math.round(elapsedMs / 1000),
    },
  };
}

function applyProgress(operation: Operation, elapsedMs: number): StreamMessage {
  return {
    type: "apply_progress",
    "@level": "info",
    "@message": `${operation.address}: ${phrasesOf(operation).still}... [${wholeSeconds(elapsedMs)} elapsed]`,
    hook: { ...hook(operation), elapsed_seconds: Math.round(elapsedMs / 1000) },
  };
}

function hook(operation: Operation): Readonly<Record<string, unknown>> {
  return { resource: resourceOf(operation.address), action: phrasesOf(operation).action };
}

function idKeys(id: string | undefined): Readonly<Record<string, string>> {
  return id === undefined ? {} : { id_key: "id", id_value: id };
}

function shownId(id: string | undefined): string {
  return id === undefined ? "" : ` [id=${id}]`;
}

function log(message: string, rest: Readonly<Record<string, unknown>>): StreamMessage {
  return { type: "log", "@level": "info", "@message": message, ...rest };
}

function summary(plan: Plan, outcome: Outcome): StreamMessage {
  const { added, changed, destroyed } = outcome;
  const destroy = plan.options.mode === "destroy";
  const word = `${destroy ? "Destroy" : "Apply"} ${isComplete(outcome) ? "complete!" : "incomplete."}`;
  const counts = destroy
    ? `${destroyed} destroyed.`
    : `${added} added, ${changed} changed, ${destroyed} destroyed.`;
  return {
    type: "change_summary",
    "@level": "info",
    "@message": `${word} Resources: ${counts}`,
    changes: {
      add: added,
      change: changed,
      import: 0,
      remove: destroyed,
      operation: destroy ? "destroy" : "apply",
    },
  };
}

/** One message for each finding of the error. */
export function diagnostics(error: unknown): readonly StreamMessage[] {
  if (!(error instanceof DsoError)) {
    const text = error instanceof Error ? error.message : String(error);
    return [diagnostic("error", text, "This is a defect in DSO.")];
  }
  return [error, ...error.others].map((finding) => ({
    ...diagnostic("error", finding.message, finding.hint ?? "", finding.position),
    code: finding.code,
  }));
}

function diagnostic(
  severity: "error" | "warning",
  summaryText: string,
  detail: string,
  position?: Position,
): StreamMessage {
  const start = position && { line: position.line, column: position.column, byte: 0 };
  const range = position && { filename: position.file, start, end: start };
  return {
    type: "diagnostic",
    "@level": severity === "error" ? "error" : "warn",
    "@message": `${severity === "error" ? "Error" : "Warning"}: ${summaryText}`,
    diagnostic: { severity, summary: summaryText, detail, ...(range && { range }) },
  };
}
