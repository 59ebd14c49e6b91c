/** Calls of one service of AWS: each with an end, and with new credentials where those at hand are refused. */
import { abortable } from "../../lib/together.ts";
import { DsoError } from "../../model/errors.ts";
import type { Pace } from "../pace.ts";
import { type Account, type Asked, faultOf, isRefused } from "./faults.ts";

/** The SDK, and its client with the credentials of the moment. */
export interface Service {
  readonly client: { destroy(): void };
}

export interface CallerOptions<S extends Service> {
  readonly account: Account;
  /** Its credentials are read anew. */
  readonly open: () => Promise<S>;
  /** For all attempts of one call together. */
  readonly deadlineMs: number;
  readonly pace: Pace;
}

export interface Caller<S extends Service> {
  /** Rejects with what `faultOf` makes of it, or with the signal's reason. */
  call<T>(
    asked: Asked,
    send: (service: S, options: { readonly abortSignal: AbortSignal }) => Promise<T>,
    signal: AbortSignal,
  ): Promise<T>;
  close(): void;
}

export function createCaller<S extends Service>(options: CallerOptions<S>): Caller<S> {
  const { account, deadlineMs, pace } = options;
  const opened = reopenable(options.open);
  return {
    async call(asked, send, signal) {
      await pace(signal);
      const deadline = AbortSignal.timeout(deadlineMs);
      const abortSignal = AbortSignal.any([signal, deadline]);
      const attempt = async (isLast: boolean): ReturnType<typeof send> => {
        const service = await opened.current();
        try {
          return await send(service, { abortSignal });
        } catch (error) {
          if (!isRefused(error)) throw error;
          opened.leave(service);
          if (isLast) throw error;
          return attempt(true);
        }
      };
      try {
        return await abortable(attempt(false), abortSignal);
      } catch (error) {
        signal.throwIfAborted();
        throw deadline.aborted ? late(account, deadlineMs) : faultOf(account, asked, error);
      }
    },
    close: () => opened.close(),
  };
}

interface Reopenable<S> {
  current(): Promise<S>;
  /** The next caller has another one, unless somebody has left this one before. */
  leave(service: S): void;
  close(): void;
}

function reopenable<S extends Service>(open: () => Promise<S>): Reopenable<S> {
  let opening: Promise<S> | undefined;
  let opened: S | undefined;
  const forget = (): void => {
    opening = undefined;
    opened = undefined;
  };
  return {
    async current() {
      opening ??= open();
      try {
        opened = await opening;
        return opened;
      } catch (error) {
        forget();
        throw error;
      }
    },
    leave(service) {
      if (service === opened) forget();
      service.client.destroy();
    },
    close() {
      opened?.client.destroy();
      forget();
    },
  };
}

function late({ provider, address }: Account, deadlineMs: number): DsoError {
  const message = `provider "${provider}" at ${address}: no answer within ${deadlineMs / 1000} s`;
  return new DsoError("provider-unreachable", message, {
    hint: "Look at the network, and at region and endpoint in dso.yaml: what runs keeps what it has.",
  });
}
