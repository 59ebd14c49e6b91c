/** Questions to a plugin, one after the other, each with a deadline; JSON-RPC 2.0. */
import { isUtf8 } from "node:buffer";
import type { DsoError } from "../../model/errors.ts";

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
  readonly timeoutMs: number;
}

export interface Calls {
  /**
   * Rejects with the signal's reason, or with what `end` was given. One that waits for its turn longer than a
   * call may take rejects with `busy()`.
   */
  call(method: Method, params: object | undefined, signal: AbortSignal): Promise<Reply>;
  readonly receive: (line: Buffer) => void;
  /** Whoever waits hears this, and whoever asks from now on. */
  end(error: DsoError): void;
}

interface Waiting {
  readonly method: Method;
  readonly params: object | undefined;
  readonly resolve: (reply: Reply) => void;
  readonly reject: (error: unknown) => void;
}

type Message =
  | ({ readonly id: number } & Reply)
  | { readonly method: "changed"; readonly params: { readonly path: string } };

export function createCalls(options: CallsOptions, busy: () => DsoError): Calls {
  const { send, broken, timeoutMs } = options;
  const waiting: Waiting[] = [];
  let current: (Waiting & { readonly id: number; readonly timer: NodeJS.Timeout }) | undefined;
  let over: DsoError | undefined;
  let ids = 0;

  const next = (): void => {
    const one = current === undefined && over === undefined ? waiting.shift() : undefined;
    if (one === undefined) return;
    const { method, params } = one;
    const late = `gave no answer to "${method}" within ${timeoutMs / 1000} s`;
    const timer = setTimeout(() => broken(late), timeoutMs);
    current = { ...one, id: ++ids, timer };
    send(JSON.stringify({ jsonrpc: "2.0", id: ids, method, ...(params && { params }) }));
  };
  const answered = ({ id, ...reply }: { readonly id: number } & Reply): void => {
    if (current?.id !== id) return broken(`answered a question that nobody asked (id ${id})`);
    clearTimeout(current.timer);
    current.resolve(reply);
    current = undefined;
    next();
  };
  /** Takes back what is not asked yet; of what is, only the answer is of no more interest. */
  const leave = (one: Waiting): void => {
    const at = waiting.indexOf(one);
    if (at !== -1) waiting.splice(at, 1);
    else if (current?.resolve === one.resolve) {
      send(JSON.stringify({ jsonrpc: "2.0", method: "cancel", params: { id: current.id } }));
    }
  };
  return {
    async call(method, params, signal) {
      signal.throwIfAborted();
      if (over !== undefined) throw over;
      const reply = Promise.withResolvers<Reply>();
      const one: Waiting = { method, params, resolve: reply.resolve, reject: reply.reject };
      const give = (): void => {
        reply.reject(signal.reason);
        leave(one);
      };
      const patience = setTimeout(() => {
        if (!waiting.includes(one)) return;
        reply.reject(busy());
        leave(one);
      }, timeoutMs);
      signal.addEventListener("abort", give, { once: true });
      waiting.push(one);
      next();
      try {
        return await reply.promise;
      } finally {
        clearTimeout(patience);
        signal.removeEventListener("abort", give);
      }
    },
    receive(line) {
      const message = parse(line);
      if (!options.isMessage(message)) return broken("said something that is no message");
      const known = message as Message;
      if ("id" in known) answered(known);
      else options.changed(known.params.path);
    },
    end(error) {
      if (over !== undefined) return;
      over = error;
      clearTimeout(current?.timer);
      for (const one of [...(current === undefined ? [] : [current]), ...waiting]) {
        one.reject(error);
      }
      current = undefined;
      waiting.length = 0;
    },
  };
}

function parse(line: Buffer): unknown {
  if (!isUtf8(line)) return undefined;
  try {
    return JSON.parse(line.toString("utf8"));
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
