import type { Engine, EngineEvent } from "../model/ports.ts";
import type { Client } from "./client.ts";
import { lines } from "./lines.ts";
import type { WireEvent } from "./wire.ts";
import { parseJson } from "../model/errors.ts";

/** Rejects if the connection cannot be made; once it stands, its end is the end of the events, however it came. */
export function events(
  client: Client,
  options: Parameters<Engine["events"]>[0],
  signal: AbortSignal,
): AsyncIterable<EngineEvent> {
  return untilAborted(listen(client, options, signal), signal);
}

async function* listen(
  client: Client,
  options: Parameters<Engine["events"]>[0],
  signal: AbortSignal,
): AsyncGenerator<EngineEvent> {
  const { labels = [], actions = [], container } = options;
  const only = container === undefined ? {} : { container: [container] };
  const filters = JSON.stringify({ label: labels, event: actions, ...only });
  const since = options.since === undefined ? undefined : toSeconds(options.since);
  const call = { doing: "listen to the engine's events", query: { since, filters } };
  const body = await client.stream("GET", "/events", call, signal);
  for await (const line of lines(untilBroken(body))) {
    const event = toEvent(line);
    // The connection broke within a line.
    if (event === undefined) return;
    yield event;
  }
}

/** For whom the signal is how to leave: an abort ends the stream as its end would. */
export async function* untilAborted<T>(
  source: AsyncIterable<T>,
  signal: AbortSignal,
): AsyncGenerator<T> {
  try {
    yield* source;
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

/** A broken connection ends the stream; every other error is a defect and goes on. */
export async function* untilBroken(stream: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  try {
    yield* stream;
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "";
    if (!["ECONNRESET", "EPIPE", "ERR_STREAM_PREMATURE_CLOSE"].includes(code)) {
      throw error;
    }
  }
}

/** The engine wants `seconds.nanoseconds`. */
function toSeconds(nanoseconds: string): string {
  const digits = nanoseconds.padStart(10, "0");
  return `${digits.slice(0, -9)}.${digits.slice(-9)}`;
}

function toEvent(line: string): EngineEvent | undefined {
  const wire = parseJson(line) as WireEvent | undefined;
  if (wire === undefined) return undefined;
  return {
    type: wire.Type,
    action: wire.Action,
    id: wire.Actor.ID,
    attributes: wire.Actor.Attributes ?? {},
    timeNano: exactTime(line),
  };
}

/** From the text: nanoseconds since 1970 do not fit a JavaScript number. */
function exactTime(line: string): string {
  return /"timeNano":(\d+)/.exec(line)?.[1] ?? "0";
}
