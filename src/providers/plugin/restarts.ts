/** A plugin that is started when it is first asked, and again after it has ended, ever later. */
import { abortable } from "../../lib/together.ts";
import { DsoError } from "../../model/errors.ts";
import type { Clock } from "../../model/ports.ts";
import { broken } from "./faults.ts";
import type { Session } from "./session.ts";

const FIRST_MS = 1000;
const LONGEST_MS = 30_000;
/** One that has lived so long was well: the next wait is the first again. */
const WELL_MS = 60_000;

export interface Restarts {
  /** Rejects at once where it has to wait until it may be started again. */
  readonly current: (signal: AbortSignal) => Promise<Session>;
  /** How long until it may be started again; ms. */
  readonly waitMs: () => number;
  readonly isClosed: () => boolean;
  /** One that is just being started is ended, too. */
  readonly close: () => Promise<void>;
}

/** `start` rejects with its signal's reason, and leaves nothing behind, where that aborts before it has started. */
export function createRestarts(
  provider: string,
  start: (signal: AbortSignal) => Promise<Session>,
  clock: Pick<Clock, "elapsed">,
): Restarts {
  const backOff = createBackOff(clock);
  let running: Promise<Session> | undefined;
  /** One that has ended may not be quite gone. */
  let latest: Session | undefined;
  const closing = new AbortController();
  const failed = (error: unknown, since: number): void => {
    running = undefined;
    if (!closing.signal.aborted && isPassing(error)) backOff.failed(error, since);
  };
  const begin = (): Promise<Session> => {
    const since = clock.elapsed();
    const begun = start(closing.signal);
    const ended = begun.then((session) => {
      latest = session;
      return session.ended;
    });
    void ended.catch((error: unknown) => error).then((error) => failed(error, since));
    return begun;
  };
  return {
    waitMs: backOff.waitMs,
    isClosed: () => closing.signal.aborted,
    async current(signal) {
      signal.throwIfAborted();
      closing.signal.throwIfAborted();
      if (running === undefined) backOff.refuse();
      running ??= begin();
      return abortable(running, signal);
    },
    async close() {
      closing.abort(broken(provider, "was ended with the rest of dso", ""));
      await running?.catch(() => undefined);
      await latest?.close();
    },
  };
}

/** What a person has to correct may be tried again at once; anything that is not ours is a defect. */
function isPassing(error: unknown): error is DsoError {
  return error instanceof DsoError && error.code !== "config-invalid";
}

interface BackOff {
  readonly failed: (error: DsoError, since: number) => void;
  readonly waitMs: () => number;
  /** Throws what happened last, for as long as that is too near. */
  readonly refuse: () => void;
}

function createBackOff(clock: Pick<Clock, "elapsed">): BackOff {
  let failures = 0;
  let last: { readonly error: DsoError; readonly until: number } | undefined;
  const waitMs = (): number => Math.max(0, (last?.until ?? 0) - clock.elapsed());
  return {
    waitMs,
    failed(error, since) {
      if (clock.elapsed() - since > WELL_MS) failures = 0;
      const wait = Math.min(LONGEST_MS, FIRST_MS * 2 ** failures);
      failures++;
      last = { error, until: clock.elapsed() + wait };
    },
    refuse() {
      if (last !== undefined && waitMs() > 0) throw later(last.error, waitMs());
    },
  };
}

function later({ code, message }: DsoError, ms: number): DsoError {
  const hint = `What runs keeps what it has. It is started again in ${Math.ceil(ms / 1000)} s.`;
  return new DsoError(code, message, { hint });
}
