/** The fake engine's logs, attach, exec and events. */
import type { Engine, EngineEvent, Streams } from "../../src/model/ports.ts";
import {
  isAlive,
  needContainer,
  refuse,
  untilWoken,
  type FakeContainer,
  type State,
} from "./engineState.ts";

type Streaming = Pick<Engine, "logTail" | "logs" | "attach" | "exec" | "events">;

export function fakeStreams(state: State): Streaming {
  return {
    async logTail(id, tail) {
      return lastLines(needContainer(state, id).log, tail);
    },
    async *logs(id, options, signal) {
      const container = needContainer(state, id);
      const text =
        options.tail === undefined ? container.log : lastLines(container.log, options.tail);
      if (text !== "") yield { stream: "stdout", data: Buffer.from(text) };
      if (!options.follow || !isAlive(container)) return;
      const seen = container.log.length;
      await untilWoken(container.ended, signal);
      if (container.log.length > seen) {
        yield { stream: "stdout", data: Buffer.from(container.log.slice(seen)) };
      }
    },
    async attach(id, streams, signal) {
      return { done: follow(needContainer(state, id), streams, signal) };
    },
    async exec(id, request, streams) {
      const container = needContainer(state, id);
      if (container.state !== "running") throw refuse(`Container ${id} is not running`);
      const input = streams.input === undefined ? "" : await readText(streams.input);
      const result = container.image.exec?.(request, input) ?? { code: 0 };
      if (result.stdout !== undefined) streams.output(Buffer.from(result.stdout));
      if (result.stderr !== undefined) streams.error(Buffer.from(result.stderr));
      return result.code;
    },
    events: (options, signal) => events(state, options, signal),
  };
}

function lastLines(text: string, count: number): string {
  const lines = text.split(/(?<=\n)/);
  return lines.slice(Math.max(0, lines.length - count)).join("");
}

async function follow(
  container: FakeContainer,
  streams: Streams,
  signal: AbortSignal,
): Promise<void> {
  const seen = container.log.length;
  await untilWoken(container.ended, signal);
  signal.throwIfAborted();
  if (container.log.length > seen) streams.output(Buffer.from(container.log.slice(seen)));
}

async function readText(input: NodeJS.ReadableStream): Promise<string> {
  let text = "";
  for await (const chunk of input) text += chunk.toString();
  return text;
}

async function* events(
  state: State,
  options: Parameters<Engine["events"]>[0],
  signal: AbortSignal,
): AsyncGenerator<EngineEvent> {
  let next = options.since === undefined ? state.events.length : 0;
  while (!signal.aborted) {
    const event = state.events[next];
    if (event === undefined) {
      await untilWoken(state.listeners, signal);
      continue;
    }
    next += 1;
    const late = BigInt(event.timeNano) >= BigInt(options.since ?? "0");
    const wanted = options.actions === undefined || options.actions.includes(event.action);
    const ours =
      event.id === (options.container ?? event.id) &&
      (options.labels ?? []).every((label) => carries(event, label));
    if (late && wanted && ours) yield event;
  }
}

function carries(event: EngineEvent, label: string): boolean {
  const [key = "", value] = label.split(/=(.*)/s);
  const found = event.attributes[key];
  return value === undefined ? found !== undefined : found === value;
}
