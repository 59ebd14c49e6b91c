import type { DsoEvent } from "../../model/events.ts";
import type { Operation } from "../../model/plan.ts";
import type { Output } from "../session.ts";
import { isEnd, lastingLines, type Progress, startLine, wholeSeconds } from "./lines.ts";
import { stepPhrase } from "./phrases.ts";
import { printable, type Style } from "./style.ts";

interface Running {
  readonly operation: Operation;
  readonly began: number;
  note: string;
}

const CLEAR_BELOW = "\u001b[0J";
const NO_WRAP = "\u001b[?7l";
const WRAP = "\u001b[?7h";

/**
 * For a terminal: what has happened scrolls up as lines, what is happening stands
 * below them, one line per operation, rewritten in place.
 */
export function createLive(output: Output, style: Style, now: () => number): Progress {
  const running = new Map<number, Running>();
  let shown = 0;
  const draw = (lasting: readonly string[]): void => {
    const up = shown === 0 ? "" : `\u001b[${shown}A\r${CLEAR_BELOW}`;
    const live = visible([...running.values()], output).map((entry) =>
      liveLine(entry, now(), style),
    );
    shown = live.length;
    const text = [...lasting, ...live].map((line) => `${line}\n`).join("");
    // One write: a terminal that shows half of it would flicker.
    output.write(`${up}${NO_WRAP}${text}${WRAP}`);
  };
  return {
    report: (event) => {
      follow(running, event, now());
      const passing =
        event.type === "operation-started" ||
        event.type === "operation-progress" ||
        event.type === "rotation-step";
      draw(passing ? [] : lastingLines(event, style));
    },
    tick: () => {
      if (running.size > 0) draw([]);
    },
    end: () => {
      running.clear();
      if (shown > 0) draw([]);
    },
  };
}

function follow(running: Map<number, Running>, event: DsoEvent, now: number): void {
  if (event.type === "operation-started") {
    const { operation } = event;
    running.set(operation.id, { operation, began: now, note: "" });
  } else if (isEnd(event)) {
    running.delete(event.operation.id);
  } else if (event.type === "operation-progress" || event.type === "rotation-step") {
    const entry = running.get(event.operation.id);
    if (entry !== undefined) {
      entry.note =
        event.type === "rotation-step" ? (stepPhrase(event.step) ?? entry.note) : event.message;
    }
  }
}

/** Lines above the top of the screen can not be rewritten, so only so many are drawn. */
function visible(running: readonly Running[], output: Output): readonly Running[] {
  return running.slice(0, Math.max(1, (output.rows ?? 24) - 2));
}

function liveLine({ operation, began, note }: Running, now: number, style: Style): string {
  const elapsed = wholeSeconds(now - began);
  const step = note === "" ? "" : ` ${printable(note)}`;
  return `${startLine(operation, style)}${style.dim(`${step} [${elapsed} elapsed]`)}`;
}
