import { dropControls } from "../apply/scrub.ts";
import { type Log, textOf } from "./log.ts";

interface Target {
  write(text: string): unknown;
  readonly isTTY?: boolean;
}

/**
 * Lines of JSON, one per record, with `level`, `msg` and `ts`; on a terminal lines of text. `debug`
 * says whether each step is told, too.
 */
export async function createSink(target: Target, debug: boolean): Promise<Log> {
  if (target.isTTY === true) {
    return (record) => {
      if (record.level === "debug" && !debug) return;
      target.write(`${new Date().toLocaleTimeString("en-GB")} ${textOf(record)}\n`);
    };
  }
  const { pino } = await import("pino");
  const logger = pino(
    {
      level: debug ? "debug" : "info",
      base: null,
      formatters: { level: (level) => ({ level }) },
      timestamp: () => `,"ts":"${new Date().toISOString()}"`,
    },
    { write: (line: string) => void target.write(line) },
  );
  return ({ level, msg, ...fields }) => {
    // As one object: what happened stands first.
    logger[level]({ msg: dropControls(msg), ...fields });
  };
}
