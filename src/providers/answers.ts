import { setTimeout as sleep } from "node:timers/promises";
import { DsoError } from "../model/errors.ts";
import {
  type ProviderHealth,
  requestKey,
  type SecretData,
  type SecretRequest,
} from "../model/ports.ts";
import type { Secret } from "../model/secret.ts";

/** So many requests of one batch are under way at once. */
const AT_ONCE = 8;

/** About the store as such: no other secret of the batch will fare better. */
const WHOLE: ReadonlySet<string> = new Set([
  "provider-unreachable",
  "provider-auth",
  "provider-throttled",
  "config-invalid",
]);

export function isAboutStore({ code }: DsoError): boolean {
  return WHOLE.has(code);
}

/**
 * One answer for each request; a fault of one is its own answer. What is wrong with the store as such ends the
 * batch: nothing more is asked, and the values that were read are dropped.
 */
export async function answerEach<T>(
  requests: readonly SecretRequest[],
  ask: (request: SecretRequest) => T | Promise<T>,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, T | DsoError>> {
  const answers = new Map<string, T | DsoError>();
  const faults: unknown[] = [];
  const rest = requests.values();
  const work = async (): Promise<void> => {
    for (const request of rest) {
      if (faults.length > 0 || signal.aborted) return;
      try {
        answers.set(requestKey(request), await ask(request));
      } catch (error) {
        if (error instanceof DsoError && !isAboutStore(error))
          answers.set(requestKey(request), error);
        else faults.push(error);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, requests.length) }, work));
  if (faults.length === 0 && !signal.aborted) return answers;
  for (const answer of answers.values()) dropValues(answer);
  signal.throwIfAborted();
  throw faults[0];
}

function dropValues(answer: unknown): void {
  const { values } = answer as Partial<SecretData>;
  if (values instanceof Map) dropUnused([answer as SecretData], new Set());
}

/** Overwrites the values that were read and that nobody uses. */
export function dropUnused(read: readonly SecretData[], used: ReadonlySet<Secret>): void {
  for (const { values } of read) {
    for (const value of values.values()) if (!used.has(value)) value.drop();
  }
}

/** Whether the store answers: what `ask` rejects with says why not. */
export async function healthOf(ask: () => Promise<unknown>): Promise<ProviderHealth> {
  try {
    await ask();
    return { ok: true };
  } catch (error) {
    if (error instanceof DsoError) return { ok: false, error };
    throw error;
  }
}

/** A replica may not have yet what its leader has. */
export const REPLICA_LAG_MS = 500;
const GONE: ReadonlySet<string> = new Set(["secret-missing", "secret-version-gone"]);

export function isGone(code: string | undefined): boolean {
  return code !== undefined && GONE.has(code);
}

/** What was there before is gone only where that is said again. `seen`: the paths that were; it is kept here. */
export async function repeatedly<T>(
  seen: Set<string>,
  request: SecretRequest,
  ask: (again: boolean) => Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  const answer = await ask(false).catch(async (error: unknown) => {
    const mayLag = error instanceof DsoError && isGone(error.code) && seen.has(request.path);
    if (!mayLag) throw error;
    await sleep(REPLICA_LAG_MS, undefined, { signal }).catch(() => signal.throwIfAborted());
    return ask(true);
  });
  seen.add(request.path);
  return answer;
}
