import type { Engine } from "../../src/model/ports.ts";

export interface Fault {
  readonly method: keyof Engine;
  /** Calls of the method until it strikes; it strikes at 1. */
  left: number;
  readonly error: Error;
  readonly when: "before" | "after";
}

export interface Recording {
  readonly calls: string[];
  readonly faults: Fault[];
  /** The name of what an id means. */
  readonly nameOf: (key: string) => string;
}

type Method = (...args: readonly unknown[]) => unknown;

/** The same engine, with its calls written down, aborts honoured and planted faults striking. */
export function record(engine: Engine, recording: Recording): Engine {
  const wrapped = Object.entries(engine).map(([name, method]) => [
    name,
    wrap(name as keyof Engine, method as Method, recording),
  ]);
  return Object.fromEntries(wrapped) as Engine;
}

function wrap(name: keyof Engine, method: Method, recording: Recording): Method {
  if (name === "logs" || name === "events") {
    return (...args) => {
      recording.calls.push(describe(name, args, recording));
      return method(...args);
    };
  }
  return async (...args) => {
    const signal = args.at(-1);
    if (signal instanceof AbortSignal) signal.throwIfAborted();
    recording.calls.push(describe(name, args, recording));
    const fault = strike(recording.faults, name);
    if (fault?.when === "before") throw fault.error;
    const answer = await method(...args);
    if (fault?.when === "after") throw fault.error;
    return answer;
  };
}

function strike(faults: Fault[], method: keyof Engine): Fault | undefined {
  let struck: Fault | undefined;
  for (const fault of faults.filter((item) => item.method === method)) {
    fault.left -= 1;
    if (fault.left === 0) struck = fault;
  }
  return struck;
}

function describe(name: string, args: readonly unknown[], { nameOf }: Recording): string {
  const words = args.flatMap((argument) => {
    if (typeof argument === "string") return [nameOf(argument)];
    if (typeof argument === "number") return [String(argument)];
    if (typeof argument !== "object" || argument === null || !("Name" in argument)) return [];
    return [String(argument.Name)];
  });
  return [name, ...words].join(" ");
}
