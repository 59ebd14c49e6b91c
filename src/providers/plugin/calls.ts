/** Questions to a plugin, one after the other, each with a deadline; JSON-RPC 2.0. */
import { isUtf8 } from "node:buffer";
import type { DsoError } from "../../model/errors.ts";
import { parseJson } from "../../model/errors.ts";

export interface Failure {
  readonly code: number;
  readonly message: string;
  readonly data?: { readonly code?: string; readonly hint?: string };
}

export type Reply = { readonly result: unknown } | { readonly error: Failure };
export type Method = "initialize" | "versions" | "read" | "check" | "watch" | "shutdown";

export interface CallsOptions {
  /** Writes one line. */
  readonly send: (line: string) => void;
  /** A plugin that has broken the rules is of no more use: told why, it is ended, and `end` is called. */
  readonly broken: (why: string) => void;
  readonly isMessage: (data: unknown) => boolean;
  readonly changed: (path: string) => void;
  /** For one that has waited for its turn longer than a call may take. */
  readonly busy: () => DsoError;
  readonly timeoutMs: number;
}

export interface Calls {
  /** Rejects with the signal's reason, with `busy()`, or with what `end` was given. */
  readonly call: (
    method: Method,
    params: object | undefined,
    signal: AbortSignal,
  ) => Promise<Reply>;
  readonly receive: (line: Buffer) => void;
  /** Whoever waits hears this, and whoever asks from now on. */
  readonly end: (error: DsoError) => void;
}

interface Question {
  readonly method: Method;
  readonly params: object | undefined;
}

interface Waiting extends Question {
  readonly resolve: (reply: Reply) => void;
  readonly reject: (error: unknown) => void;
}

type Answered = { readonly id: number } & Reply;
interface Changed {
  readonly method: "changed";
  readonly params: { readonly path: string };
}
type Message = Answered | Changed;

interface State {
  readonly waiting: Waiting[];
  current: (Waiting & { readonly id: number; readonly timer: NodeJS.Timeout }) | undefined;
  over: DsoError | undefined;
  ids: number;
}

export function createCalls(options: CallsOptions): Calls {
  const state: State = { waiting: [], current: undefined, over: undefined, ids: 0 };
  return {
    call: (method, params, signal) => call(state, options, { method, params }, signal),
    receive: (line) => {
      const message = parse(line);
      if (!options.isMessage(message)) options.broken("said something that is no message");
      else if ("id" in (message as Message)) answered(state, options, message as Answered);
      else options.changed((message as Changed).params.path);
    },
    end: (error) => {
      if (state.over !== undefined) return;
      state.over = error;
      clearTimeout(state.current?.timer);
      const { current, waiting } = state;
      for (const one of [...(current === undefined ? [] : [current]), ...waiting.splice(0)]) {
        one.reject(error);
      }
    },
  };
}

async function call(
  state: State,
  options: CallsOptions,
  question: Question,
  signal: AbortSignal,
): Promise<Reply> {
  signal.throwIfAborted();
  if (state.over !== undefined) throw state.over;
  const reply = Promise.withResolvers<Reply>();
  const one: Waiting = { ...question, resolve: reply.resolve, reject: reply.reject };
  const give = (): void => {
    reply.reject(signal.reason);
    leave(state, options, one);
  };
  const impatient = setTimeout(() => {
    if (!state.waiting.includes(one)) return;
    reply.reject(options.busy());
    leave(state, options, one);
  }, options.timeoutMs);
  signal.addEventListener("abort", give, { once: true });
  state.waiting.push(one);
  next(state, options);
  try {
    return await reply.promise;
  } finally {
    clearTimeout(impatient);
    signal.removeEventListener("abort", give);
  }
}

function next(state: State, { send, broken, timeoutMs }: CallsOptions): void {
  if (state.current !== undefined || state.over !== undefined) return;
  const one = state.waiting.shift();
  if (one === undefined) return;
  const { method, params } = one;
  const late = `gave no answer to "${method}" within ${timeoutMs / 1000} s`;
  const id = ++state.ids;
  state.current = { ...one, id, timer: setTimeout(() => broken(late), timeoutMs) };
  send(JSON.stringify({ jsonrpc: "2.0", id, method, ...(params && { params }) }));
}

function answered(state: State, options: CallsOptions, { id, ...reply }: Answered): void {
  const { current } = state;
  if (current?.id !== id) {
    options.broken(`answered a question that nobody asked (id ${id})`);
    return;
  }
  clearTimeout(current.timer);
  state.current = undefined;
  current.resolve(reply);
  next(state, options);
}

/** Takes back what is not asked yet. Of what is, only the answer is of no more interest: the next one waits for it. */
function leave({ waiting, current }: State, { send }: CallsOptions, one: Waiting): void {
  const at = waiting.indexOf(one);
  if (at !== -1) waiting.splice(at, 1);
  else if (current?.resolve === one.resolve) {
    send(JSON.stringify({ jsonrpc: "2.0", method: "cancel", params: { id: current.id } }));
  }
}

function parse(line: Buffer): unknown {
  return isUtf8(line) ? parseJson(line.toString("utf8")) : undefined;
}
