/**
 * Waits for all of them, and only then rejects with the first that failed: whoever undoes what they
 * have begun does not meet one that still goes on.
 */
export async function together<T extends readonly unknown[]>(
  ...begun: { [K in keyof T]: Promise<T[K]> }
): Promise<T> {
  await Promise.allSettled(begun);
  return Promise.all(begun);
}

/**
 * One question for all callers, who hear the same answer for as long as the process lives; a failed
 * one is asked again by the next caller. `ask` goes on when a caller's signal aborts: others may wait.
 */
export function askOnce<T>(
  ask: (signal: AbortSignal) => Promise<T>,
): (signal: AbortSignal) => Promise<T> {
  const unending = new AbortController().signal;
  let asked: Promise<T> | undefined;
  return (signal) => {
    asked ??= ask(unending).catch((error: unknown) => {
      asked = undefined;
      throw error;
    });
    return abortable(asked, signal);
  };
}

/** As `work`, which goes on, but over at once for whoever aborts. */
export async function abortable<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  // Nobody else may hear how it ends, and an error that nobody hears ends the process.
  work.catch(() => undefined);
  signal.throwIfAborted();
  const aborted = Promise.withResolvers<never>();
  const abort = (): void => aborted.reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  try {
    return await Promise.race([work, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

/** Whether the work is over before so many milliseconds are. Whatever it rejects with is thrown. */
export async function within(work: Promise<unknown>, milliseconds: number): Promise<boolean> {
  const over = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => over.resolve(false), milliseconds);
  try {
    return await Promise.race([work.then(() => true), over.promise]);
  } finally {
    clearTimeout(timer);
  }
}
