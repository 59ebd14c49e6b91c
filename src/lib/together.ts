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
